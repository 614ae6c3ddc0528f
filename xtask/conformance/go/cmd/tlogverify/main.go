// Command tlogverify checks a tiled transparency log, and a proof from it, with Go's own checksum-database packages.
//
// It reads what C2SP tlog-tiles says a log serves, from a URL or a folder: the checkpoint's signature and root, every
// hash tile that the root implies, and every entry against its leaf hash. Exit status: 0 all holds, 1 something does
// not, 2 usage. A bearer token for a log that is not public is taken from GRAVEN_TOKEN.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: tlogverify URL-or-DIR VKEYFILE [PROOF]")
		os.Exit(2)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	verifiers, err := readKey(args[1])
	if err != nil {
		return err
	}
	log := source{base: strings.TrimSuffix(args[0], "/"), token: os.Getenv("GRAVEN_TOKEN")}
	raw, err := log.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(raw, verifiers)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := checkEntries(log, tree); err != nil {
		return err
	}
	fmt.Printf("OK: size %d, root %v\n", tree.N, tree.Hash)
	if len(args) < 3 {
		return nil
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	index, err := checkProof(log, tree, text, verifiers)
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	fmt.Printf("OK: proof of entry %d\n", index)
	return nil
}

// readKey reads the log's verifier keys, one a line.
func readKey(path string) (note.Verifiers, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []note.Verifier
	for _, line := range strings.Fields(string(text)) {
		verifier, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", line, err)
		}
		all = append(all, verifier)
	}
	if len(all) == 0 {
		return nil, errors.New("no key in " + path)
	}
	return note.VerifierList(all...), nil
}

// checkEntries hashes every entry, compares each with the tree's leaf hash, and builds the root from them once more.
func checkEntries(log source, tree tlog.Tree) error {
	hashes := tlog.TileHashReader(tree, tiles{log})
	var root rootBuilder
	for first := int64(0); first < tree.N; first += bundleEntries {
		count := min(bundleEntries, tree.N-first)
		entries, err := log.bundle(first/bundleEntries, tree.N)
		if err != nil {
			return err
		}
		positions := make([]int64, count)
		for i := range positions {
			positions[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := hashes.ReadHashes(positions)
		if err != nil {
			return fmt.Errorf("tiles of entries from %d: %w", first, err)
		}
		for i, entry := range entries {
			hash := tlog.RecordHash(entry)
			if hash != leaves[i] {
				return fmt.Errorf("entry %d is not the one that was logged", first+int64(i))
			}
			root.add(hash)
		}
	}
	if tree.N > 0 && root.sum() != tree.Hash {
		return errors.New("the entries do not give the checkpoint's root")
	}
	return nil
}

// rootBuilder folds leaf hashes into a root: the roots of the complete subtrees so far, largest first.
type rootBuilder struct {
	count int64
	roots []tlog.Hash
}

func (b *rootBuilder) add(leaf tlog.Hash) {
	b.roots = append(b.roots, leaf)
	b.count++
	for n := b.count; n%2 == 0; n /= 2 {
		last := len(b.roots) - 2
		b.roots = append(b.roots[:last], tlog.NodeHash(b.roots[last], b.roots[last+1]))
	}
}

func (b *rootBuilder) sum() tlog.Hash {
	sum := b.roots[len(b.roots)-1]
	for i := len(b.roots) - 2; i >= 0; i-- {
		sum = tlog.NodeHash(b.roots[i], sum)
	}
	return sum
}
