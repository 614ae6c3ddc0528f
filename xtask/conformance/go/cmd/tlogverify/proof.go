package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkProof verifies a C2SP tlog-proof against the log: its checkpoint's signature and that the log's tree extends it,
// and that the log's entry of that index is in the checkpoint's tree.
func checkProof(log source, tree tlog.Tree, text []byte, verifiers note.Verifiers) (int64, error) {
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return 0, errors.New("no empty line before the checkpoint")
	}
	then, err := openCheckpoint(checkpoint, verifiers)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	index, path, err := parseProof(string(head))
	if err != nil {
		return 0, err
	}
	if then.N > tree.N || index >= then.N {
		return 0, fmt.Errorf("entry %d of a tree of %d in a log of %d", index, then.N, tree.N)
	}
	root, err := tlog.TreeHash(then.N, tlog.TileHashReader(tree, tiles{log}))
	if err != nil {
		return 0, err
	}
	if root != then.Hash {
		return 0, errors.New("its checkpoint is of another tree than the log's")
	}
	entries, err := log.bundle(index/bundleEntries, tree.N)
	if err != nil {
		return 0, err
	}
	leaf := tlog.RecordHash(entries[index%bundleEntries])
	return index, tlog.CheckRecord(path, then.N, then.Hash, index, leaf)
}

// parseProof reads the lines before the checkpoint: the fixed header, perhaps an extra line, the index, the hashes.
func parseProof(head string) (int64, tlog.RecordProof, error) {
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, fmt.Errorf("unknown header %q", lines[0])
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return 0, nil, errors.New("no index line")
	}
	index, err := parseDecimal(strings.TrimPrefix(lines[0], "index "))
	if err != nil {
		return 0, nil, err
	}
	path := make(tlog.RecordProof, 0, len(lines)-1)
	for _, line := range lines[1:] {
		hash, err := parseHash(line)
		if err != nil {
			return 0, nil, err
		}
		path = append(path, hash)
	}
	return index, path, nil
}
