//! `graven demo`: a company's month of events, served; then copies of its log are tampered with in four ways, and what
//! notices each is shown.
//!
//! The tour calls `graven backup` and `graven verify` as a user would: what it shows is what they answer, and every command
//! that it prints can be typed again.

mod corpus;
mod forge;
mod guide;
mod load;
mod place;
mod program;
mod site;
mod stop;
mod tamper;
mod tour;
mod voice;

#[cfg(test)]
mod tests;

use std::time::Instant;

use log::{Cell, CellOptions, Env};
use serde_json::json;

use crate::commands::serve::open_failure;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use load::Loaded;
use place::Place;
use program::Program;
use site::Site;
use stop::Stop;
use tour::{Scene, Tour};
use voice::{Voice, thousands};

/// The log that everything goes into.
pub(super) const LOG: &str = "main";

/// Few enough that the whole demo takes less than 20 s with a release build, and enough for one sealed segment.
const EVENTS_DEFAULT: u64 = 75_000;
/// Fewer leave nothing to tamper with.
const EVENTS_MIN: u64 = 200;
/// The tour holds a log in memory whole.
const EVENTS_MAX: u64 = 2_000_000;

/// Arguments of `graven demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The data directory is a temporary one that is removed at the end; --data DIR names one to make and keep."
)]
pub(crate) struct DemoArgs {
    /// Append this many events
    #[arg(long, value_name = "N", default_value_t = EVENTS_DEFAULT,
          value_parser = clap::value_parser!(u64).range(EVENTS_MIN..=EVENTS_MAX))]
    events: u64,
    /// Listen on this address; where it is in use, on a free port [env: GRAVEN_LISTEN] [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Exit after the tour: 0 only if every tampering was detected as claimed
    #[arg(long)]
    once: bool,
}

/// Runs the demo.
pub(crate) fn run(context: &Context, args: &DemoArgs) -> Result<Exit, Failure> {
    let listen = site::listen_address(&context.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("graven-http")
        .build()
        .map_err(|error| {
            Failure::new(Exit::Unreachable, format!("cannot start threads: {error}"))
        })?;
    let stop = Stop::on_signals(&runtime)?;
    let place = Place::make(place::given(&context.settings).as_deref())?;
    let voice = Voice::new(context.out);
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(place.data()))
        .map_err(|error| open_failure(place.data(), &error))?;
    let demo = Demo { context, args, place: &place, voice, stop: &stop };
    let result = demo.load(&cell).and_then(|loaded| {
        let site = Site::open(&runtime, &cell, listen, place.data(), &stop)?;
        let shown = demo.show(&site, &loaded);
        // Also after an error: what is in flight is answered before the cell goes.
        let closed = site.close(&stop);
        shown.and_then(|is_as_claimed| closed.map(|()| is_as_claimed))
    });
    cell.stop();
    demo.bid_farewell();
    Ok(if result? { Exit::Good } else { Exit::Bad })
}

/// One run of the demo.
struct Demo<'a> {
    context: &'a Context,
    args: &'a DemoArgs,
    place: &'a Place,
    voice: Voice,
    stop: &'a Stop,
}

impl Demo<'_> {
    /// Appends the month.
    fn load(&self, cell: &Cell) -> Result<Loaded, Failure> {
        let began = Instant::now();
        let out = self.context.out;
        let loaded = load::load(out, cell, self.args.events, self.place, self.stop)?;
        self.voice.title("A month of Halden Ferries, a company that does not exist");
        self.voice.say(&format!(
            "{} events of {} producers (people, services, AI agents, a database, a cluster), appended to the log `{LOG}` in {:.1} s",
            thousands(loaded.events),
            loaded.streams,
            began.elapsed().as_secs_f64(),
        ));
        Ok(loaded)
    }

    /// Says what to open and to try, gives the tour and waits, unless it is to end. Says whether all was as claimed.
    fn show(&self, site: &Site, loaded: &Loaded) -> Result<bool, Failure> {
        let program = Program::this(self.place.folder())?;
        let scene = Scene { program: &program, place: self.place, loaded, stop: self.stop };
        // Before anyone is told where the server is: an event of theirs in between would be one more difference.
        let tour = Tour::prepare(self.voice, scene, &site.url)?;
        guide::tell(self.voice, &program, self.place, site, loaded)?;
        let is_as_claimed = tour.give()?;
        self.voice.json(&json!({ "step": "done", "as_claimed": is_as_claimed }))?;
        if !self.args.once {
            self.voice.title("The server goes on");
            self.voice.say(&format!(
                "{}  until Ctrl-C; the copies lie in {}",
                site.url,
                self.place.short(self.place.tour())
            ));
            site.wait(self.stop);
        }
        Ok(is_as_claimed)
    }

    fn bid_farewell(&self) {
        if self.place.is_temporary() {
            self.voice.say(&format!("removing {}", self.place.folder().display()));
        } else {
            let [data, tour] =
                [self.place.data(), self.place.tour()].map(|path| self.place.short(path));
            self.voice.say(&format!("kept: {data}, for `graven serve --data`, and {tour}"));
        }
    }
}
