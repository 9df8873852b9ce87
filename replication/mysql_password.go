package replication

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What caching_sha2_password keeps is $A$, a thousandth of the rounds as three
// hexadecimal digits, $, a salt of 20 bytes, and the digest of SHA-256 crypt
// (https://www.akkadia.org/drepper/SHA-crypt.txt) in 43 characters.
const (
	sha2Prefix = "$A$"
	sha2Digits = 3
	sha2Salt   = 20
	sha2Digest = 43
)

// sha2Hash hashes with a new salt. rounds counts in thousands.
func sha2Hash(password string, rounds int) string {
	if password == "" {
		return ""
	}
	thousands := min(max(rounds/1000, 5), 0xfff)
	salt := rand.Text()[:sha2Salt] // letters and digits: 100 bits
	return fmt.Sprintf("%s%03X$%s%s", sha2Prefix, thousands, salt, sha2Crypt(password, salt, thousands*1000))
}

// sha2Verify reports whether kept, a plugin's name and the hash in hexadecimal,
// is of this password; false where it is not understood.
func sha2Verify(kept, password string) bool {
	plugin, text, ok := strings.Cut(kept, " ")
	raw, err := hex.DecodeString(text)
	if !ok || err != nil || plugin != "caching_sha2_password" {
		return false
	}
	hash := string(raw)
	if hash == "" || password == "" {
		return hash == password
	}
	rest, ok := strings.CutPrefix(hash, sha2Prefix)
	digits, rest, cut := strings.Cut(rest, "$")
	thousands, err := strconv.ParseUint(digits, 16, 12)
	if !ok || !cut || err != nil || len(digits) != sha2Digits || len(rest) != sha2Salt+sha2Digest {
		return false
	}
	made := sha2Crypt(password, rest[:sha2Salt], int(thousands)*1000)
	return subtle.ConstantTimeCompare([]byte(made), []byte(rest[sha2Salt:])) == 1
}

// sha2Crypt follows the steps of the specification; MySQL's salt is longer than
// the 16 bytes that it allows.
func sha2Crypt(password, salt string, rounds int) string {
	p, s := []byte(password), []byte(salt)
	sum := func(parts ...[]byte) []byte {
		h := sha256.New()
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	// fill repeats b up to n bytes.
	fill := func(b []byte, n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = b[i%len(b)]
		}
		return out
	}
	b := sum(p, s, p)
	first := [][]byte{p, s, fill(b, len(p))}
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			first = append(first, b)
		} else {
			first = append(first, p)
		}
	}
	c := sum(first...)
	long := fill(sum(slices.Repeat([][]byte{p}, len(p))...), len(p))
	salty := fill(sum(fill(s, len(s)*(16+int(c[0])))), len(s))
	h := sha256.New()
	for i := range rounds { // every monitor comes by here: no allocations
		h.Reset()
		before, after := c, long
		if i%2 == 1 {
			before, after = long, c
		}
		h.Write(before)
		if i%3 != 0 {
			h.Write(salty)
		}
		if i%7 != 0 {
			h.Write(long)
		}
		h.Write(after)
		c = h.Sum(c[:0])
	}
	return sha2Text(c)
}

// sha2Text is the specification's own base 64, with its own order of bytes.
func sha2Text(c []byte) string {
	const letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var out strings.Builder
	put := func(a, b, c byte, n int) {
		v := uint(a)<<16 | uint(b)<<8 | uint(c)
		for range n {
			out.WriteByte(letters[v&63])
			v >>= 6
		}
	}
	x, y, z := 0, 10, 20
	for range 10 {
		put(c[x], c[y], c[z], 4)
		x, y, z = z+1, x+1, y+1
	}
	put(0, c[31], c[30], 3)
	return out.String()
}
