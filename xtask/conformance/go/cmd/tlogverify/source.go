package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// tileHeight is that of every C2SP tile: 256 hashes.
	tileHeight = 8
	// bundleEntries is how many entries a full bundle has.
	bundleEntries = 1 << tileHeight
	// resourceBytesMax bounds what is read of one resource: a full bundle of the largest entries, and room.
	resourceBytesMax = bundleEntries*(2+65535) + 1
	// requestWait bounds one request.
	requestWait = 30 * time.Second
)

// source is where a log's resources are read: below a URL or in a folder.
type source struct {
	base  string
	token string
}

func (s source) read(path string) ([]byte, error) {
	if !strings.HasPrefix(s.base, "http://") && !strings.HasPrefix(s.base, "https://") {
		return os.ReadFile(filepath.Join(s.base, filepath.FromSlash(path)))
	}
	request, err := http.NewRequest(http.MethodGet, s.base+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	client := http.Client{Timeout: requestWait}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %s", path, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, resourceBytesMax+1))
	if err == nil && len(body) > resourceBytesMax {
		return nil, fmt.Errorf("%s: more than %d bytes", path, resourceBytesMax)
	}
	return body, err
}

// bundle reads the entries of one bundle of a log of the given size.
func (s source) bundle(number, size int64) ([][]byte, error) {
	count := min(bundleEntries, size-number*bundleEntries)
	path := "tile/entries/" + tileNumber(number, int(count))
	rest, err := s.read(path)
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, 0, count)
	for len(rest) > 0 {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return nil, fmt.Errorf("%s: entry %d is cut short", path, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		entries = append(entries, rest[2:end])
		rest = rest[end:]
	}
	if int64(len(entries)) != count {
		return nil, fmt.Errorf("%s: %d entries, not %d", path, len(entries), count)
	}
	return entries, nil
}

// tileNumber is the end of a tile's path: groups of three digits, and the width where the tile is not full.
func tileNumber(number int64, width int) string {
	path := fmt.Sprintf("%03d", number%1000)
	for number /= 1000; number > 0; number /= 1000 {
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	if width < bundleEntries {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

// tiles reads hash tiles for Go's tlog package, which checks them against the root.
type tiles struct {
	log source
}

func (t tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, tile := range wanted {
		data, err := t.log.read(fmt.Sprintf("tile/%d/%s", tile.L, tileNumber(tile.N, tile.W)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d has %d bytes", tile.L, tile.N, len(data))
		}
		read[i] = data
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
