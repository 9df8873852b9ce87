package replication

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestSHA2Hash(t *testing.T) {
	// CREATE USER repl2@'%' IDENTIFIED BY 'rp', HEX(authentication_string).
	const kept = "caching_sha2_password 244124303041244718293052787945292560174A08791308637B4941714B6F6850426652596674652E" +
		"4D444A4B486B4647796A66644B702E5234525367626365445671454339"
	for password, want := range map[string]bool{"rp": true, "rq": false, "": false} {
		if got := sha2Verify(kept, password); got != want {
			t.Errorf("%q: %v", password, got)
		}
	}
	for _, password := range []string{"x", "r3pl-s3cret'\\\"", strings.Repeat("long", 30), "pässwörd"} {
		hash := sha2Hash(password, 10000)
		kept := "caching_sha2_password " + hex.EncodeToString([]byte(hash))
		if !strings.HasPrefix(hash, "$A$00A$") || !sha2Verify(kept, password) || sha2Verify(kept, password+"x") {
			t.Errorf("%q: %s", password, hash)
		}
		if hash == sha2Hash(password, 10000) {
			t.Error("the salt is not new")
		}
		if sha2Verify(strings.Replace(kept, "caching_sha2", "sha256", 1), password) {
			t.Error("another plugin's hash is understood")
		}
	}
	// The same rounds in more digits than MySQL writes: otherwise a short text could ask for millions.
	long := strings.Replace(kept, "244124303041", "24412430303041", 1)
	for _, text := range []string{"", "caching_sha2_password", "caching_sha2_password zz", "caching_sha2_password 2441243030412447", long} {
		if sha2Verify(text, "rp") {
			t.Errorf("%q was understood", text)
		}
	}
	if sha2Hash("", 5000) != "" || !sha2Verify("caching_sha2_password ", "") {
		t.Error("no password")
	}
}

func BenchmarkSHA2Verify(b *testing.B) {
	kept := "caching_sha2_password " + hex.EncodeToString([]byte(sha2Hash("r3pl-s3cret", 10000)))
	for b.Loop() {
		if !sha2Verify(kept, "r3pl-s3cret") {
			b.Fatal("not verified")
		}
	}
}
