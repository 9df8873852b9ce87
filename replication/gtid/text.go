package gtid

// MarshalText and UnmarshalText carry a set through JSON as its text.

// MarshalText returns String.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what Parse reads.
func (s *Set) UnmarshalText(text []byte) error {
	t, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = t
	return nil
}
