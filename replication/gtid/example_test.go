package gtid_test

import (
	"fmt"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

func ExampleSet_Compare() {
	primary, _ := gtid.Parse("0-1-100,0-2-150")
	replica, _ := gtid.Parse("0-1-100,0-2-148")
	fmt.Println(replica.Compare(primary), replica.Missing(primary))
	// Output: behind 2
}

// What a replica has that the primary lacks is what makes it diverged.
func ExampleSet_Subtract() {
	primary, _ := gtid.Parse("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-20")
	replica, _ := gtid.Parse("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-18,aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:1")
	fmt.Println(replica.Compare(primary))
	fmt.Println(replica.Subtract(primary))
	// Output:
	// diverged
	// aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:1
}

func ExampleSet_Union() {
	executed, _ := gtid.Parse("0-1-100,0-2-150")
	received, _ := gtid.Parse("0-2-153")
	all, _ := executed.Union(received)
	fmt.Println(all)
	fmt.Println(all.Position())
	// Output:
	// 0-1-100,0-2-153
	// 0-2-153
}
