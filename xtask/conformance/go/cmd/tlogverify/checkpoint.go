package main

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// openCheckpoint verifies a signed checkpoint and parses it by the rules of C2SP tlog-checkpoint: origin, size, root,
// and extension lines, which are ignored. The key's name must be the origin.
func openCheckpoint(raw []byte, verifiers note.Verifiers) (tlog.Tree, error) {
	signed, err := note.Open(raw, verifiers)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return tlog.Tree{}, errors.New("fewer than three lines")
	}
	if lines[0] == "" || signed.Sigs[0].Name != lines[0] {
		return tlog.Tree{}, errors.New("the origin is not the key's name")
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// parseDecimal reads a number without sign or leading zeros.
func parseDecimal(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || strconv.FormatInt(number, 10) != text {
		return 0, errors.New("not a number in canonical form: " + strconv.Quote(text))
	}
	return number, nil
}

// parseHash reads 32 bytes of canonical base64.
func parseHash(text string) (tlog.Hash, error) {
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != tlog.HashSize || base64.StdEncoding.EncodeToString(bytes) != text {
		return tlog.Hash{}, errors.New("not a hash in canonical form: " + strconv.Quote(text))
	}
	return tlog.Hash(bytes), nil
}
