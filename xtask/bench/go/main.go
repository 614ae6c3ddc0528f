// Tessera_rate measures appends through Tessera's POSIX driver, the rival of `append_rate`: events of the same form and
// length, as many in flight. It prints one line of JSON.
//
// An event counts when its index is durable and integrated (the future of Add resolves). Until its proof can be checked a
// checkpoint must be published as well, which Tessera does every 100 ms at best: published_ms_p50 is that wait.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// eventBytes is the length of one event, as in append_rate.
const eventBytes = 450

// checkpointEvery is the shortest interval that the driver takes.
const checkpointEvery = 100 * time.Millisecond

// publishedProbes is how many events are followed until a checkpoint covers them.
const publishedProbes = 20

// options is one way to run it.
type options struct {
	dir      string
	events   uint64
	inFlight int
	batch    uint
	batchAge time.Duration
}

// event is the event of a number, of the form and length of append_rate's.
func event(number uint64) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":"%020d","actor":{"type":"user","id":"u%d"},"action":"row.update","data":"`, number, number%997)
	for b.Len() < eventBytes-2 {
		b.WriteByte('a' + byte(uint64(b.Len())*7+number)%26)
	}
	b.WriteString(`"}`)
	return []byte(b.String())
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "an empty directory for the log")
	flag.Uint64Var(&o.events, "events", 100_000, "events to append")
	flag.IntVar(&o.inFlight, "in_flight", 512, "events in flight")
	flag.UintVar(&o.batch, "batch", tessera.DefaultBatchMaxSize, "largest batch")
	flag.DurationVar(&o.batchAge, "batch_age", tessera.DefaultBatchMaxAge, "longest wait for a batch to fill")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	secret, _, err := note.GenerateKey(rand.Reader, "bench.example/rival")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: o.dir})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(checkpointEvery).
		WithBatching(o.batch, o.batchAge).
		WithPushback(uint(2*o.inFlight)))
	if err != nil {
		return err
	}
	began := time.Now()
	if err := appendAll(ctx, appender, o); err != nil {
		return err
	}
	elapsed := time.Since(began).Seconds()
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond)
	published, err := publishedAfter(ctx, appender, awaiter, o.events)
	if err != nil {
		return err
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"events":           o.events,
		"elapsed_s":        elapsed,
		"per_s":            float64(o.events) / elapsed,
		"published_ms_p50": float64(published.Microseconds()) / 1000,
	})
}

// appendAll keeps inFlight events in flight until all are sequenced.
func appendAll(ctx context.Context, appender *tessera.Appender, o options) error {
	var next atomic.Uint64
	var workers sync.WaitGroup
	failures := make(chan error, o.inFlight)
	for range o.inFlight {
		workers.Go(func() {
			for number := next.Add(1) - 1; number < o.events; number = next.Add(1) - 1 {
				if _, err := appender.Add(ctx, tessera.NewEntry(event(number)))(); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failures)
	return <-failures
}

// publishedAfter is the median wait from handing in one event until a checkpoint covers it, on an idle log.
func publishedAfter(ctx context.Context, appender *tessera.Appender, awaiter *tessera.PublicationAwaiter, first uint64) (time.Duration, error) {
	waits := make([]time.Duration, 0, publishedProbes)
	for i := range uint64(publishedProbes) {
		began := time.Now()
		if _, _, err := awaiter.Await(ctx, appender.Add(ctx, tessera.NewEntry(event(first+i)))); err != nil {
			return 0, err
		}
		waits = append(waits, time.Since(began))
	}
	slices.Sort(waits)
	return waits[len(waits)/2], nil
}
