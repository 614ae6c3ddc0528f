// Command witnessdb makes a log known to a running litewitness, by a row in each of its database's tables.
//
// Torchwood's witnessctl does this as well, but needs modules for logs of another kind that not every proxy serves.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: witnessdb DATABASE ORIGIN VKEY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "witnessdb:", err)
		os.Exit(1)
	}
}

func run(path, origin, vkey string) error {
	if _, err := note.NewVerifier(vkey); err != nil {
		return err
	}
	// The witness has made the file and its tables; without them something else is wrong.
	db, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer db.Close()
	empty := sha256.Sum256(nil)
	root := base64.StdEncoding.EncodeToString(empty[:])
	const addLog = "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)"
	if err := sqlitex.Execute(db, addLog, &sqlitex.ExecOptions{Args: []any{origin, root}}); err != nil {
		return err
	}
	const addKey = "INSERT INTO key (origin, key) VALUES (?, ?)"
	return sqlitex.Execute(db, addKey, &sqlitex.ExecOptions{Args: []any{origin, vkey}})
}
