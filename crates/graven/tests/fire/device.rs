//! A block device that fails as told, with a real ext4 on it: image ← nbdkit ← nbdfuse ← loop device ← ext4.
//!
//! nbdkit keeps writes in a cache until they are flushed; when it is killed, they are gone as in a power cut. A device of
//! [`Flushes::Ignored`] says yes to flushes and does nothing. While a file named `broken` exists, what reaches the image
//! fails with EIO. Everything is undone when the device is dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Programs of the device with the Debian packages that have them.
const TOOLS: [(&str, &str); 7] = [
    ("nbdkit", "nbdkit"),
    ("nbdfuse", "libnbd-bin"),
    ("fusermount3", "fuse3"),
    ("losetup", "mount"),
    ("mount", "mount"),
    ("umount", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
];
/// Patience with one of the programs.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a device makes of flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushes {
    /// What was written before is permanent.
    Kept,
    /// They are answered and nothing is done: a disk that lies.
    Ignored,
}

/// What fails while the device is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Every write.
    Writes,
    /// Every flush: writes are taken.
    Flushes,
}

/// A machine's disk, on or off.
pub(crate) struct Device {
    folder: TempDir,
    broken: Broken,
    /// Times that it was powered on; each has its own files.
    powered: u32,
    on: Option<On>,
}

/// What runs while the power is on.
struct On {
    nbdkit: Child,
    nbdfuse: Child,
    image: PathBuf,
    loop_device: Option<String>,
}

/// Why a row that needs a device or a file system of its own cannot run here.
pub(crate) fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("mounting needs root, run it as root".to_owned());
    }
    for (program, package) in TOOLS {
        if !is_installed(program) {
            return Some(format!("{program} is missing, apt install {package}"));
        }
    }
    for file in ["/dev/fuse", "/dev/loop-control"] {
        if fs::File::options().read(true).write(true).open(file).is_err() {
            return Some(format!("{file} cannot be opened, let the machine or container have it"));
        }
    }
    None
}

/// Whether a program is in the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

impl Device {
    /// A new device with an empty ext4 made with these options, powered on and mounted.
    pub(crate) fn new(size_bytes: u64, mkfs: &[&str], broken: Broken) -> Device {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("device");
        fs::File::create_new(&image).unwrap().set_len(size_bytes).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).args(mkfs).arg(&image));
        fs::create_dir(folder.path().join("mnt")).unwrap();
        let mut device = Device { folder, broken, powered: 0, on: None };
        device.power_on(Flushes::Kept);
        device
    }

    /// Where its file system is mounted.
    pub(crate) fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    /// Attaches and mounts it; ext4 replays its journal.
    pub(crate) fn power_on(&mut self, flushes: Flushes) {
        assert!(self.on.is_none(), "it is on");
        self.powered += 1;
        let file = |name: &str| self.folder.path().join(format!("{name}-{}", self.powered));
        let (socket, image) = (file("socket"), file("image"));
        let nbdkit = self.nbdkit(&socket, flushes).spawn().unwrap();
        wait_until("nbdkit listens", || socket.exists());
        fs::write(&image, "").unwrap();
        let url = format!("nbd+unix:///?socket={}", socket.display());
        let mut nbdfuse = Command::new("nbdfuse");
        nbdfuse.arg(&image).arg(url).stdin(Stdio::null()).stderr(Stdio::null());
        let nbdfuse = nbdfuse.spawn().unwrap();
        self.on = Some(On { nbdkit, nbdfuse, image: image.clone(), loop_device: None });
        wait_until("nbdfuse serves", || fs::metadata(&image).is_ok_and(|file| file.len() > 0));
        let attached = run(Command::new("losetup").args(["-f", "--show"]).arg(&image));
        self.on.as_mut().expect("it is on").loop_device = Some(attached.trim().to_owned());
        self.mount();
    }

    /// Between ext4 and the image: what fails while broken, above or below the cache.
    fn nbdkit(&self, socket: &Path, flushes: Flushes) -> Command {
        let filters = match self.broken {
            Broken::Writes => ["--filter=error", "--filter=cache"],
            Broken::Flushes => ["--filter=cache", "--filter=error"],
        };
        let cache = match flushes {
            Flushes::Kept => "cache=writeback",
            Flushes::Ignored => "cache=unsafe",
        };
        let mut command = Command::new("nbdkit");
        command.args(["-f", "--exit-with-parent", "-U"]).arg(socket).args(filters).arg("file");
        command.arg(self.folder.path().join("device"));
        // As large as any device here: what was not flushed must never leave the cache for want of room.
        command.args([cache, "cache-max-size=4G", "cache-min-block-size=4K"]);
        command.args(["error=EIO", "error-pwrite-rate=100%", "error-zero-rate=100%"]);
        command.arg(format!("error-file={}", self.broken_file().display()));
        command.env("TMPDIR", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn broken_file(&self) -> PathBuf {
        self.folder.path().join("broken")
    }

    /// From now on it fails, or no longer.
    pub(crate) fn set_broken(&self, broken: bool) {
        if broken {
            fs::write(self.broken_file(), "").unwrap();
        } else {
            fs::remove_file(self.broken_file()).unwrap();
        }
    }

    fn mount(&self) {
        let loop_device = self.on.as_ref().and_then(|on| on.loop_device.as_ref());
        run(Command::new("mount").arg(loop_device.expect("it is on")).arg(self.mount_point()));
    }

    /// Unmounts and mounts again, with the power on.
    pub(crate) fn remount(&self) {
        wait_until("nobody uses the file system", || {
            is_success(Command::new("umount").arg(self.mount_point()))
        });
        self.mount();
    }

    /// The power goes: from this moment on nothing more reaches the image, and what was not flushed never does.
    pub(crate) fn cut(&mut self) {
        let on = self.on.as_mut().expect("it is on");
        on.nbdkit.kill().unwrap();
        on.nbdkit.wait().unwrap();
    }

    /// Clears away what is left of the machine; nobody uses the file system any more.
    pub(crate) fn power_off(&mut self) {
        let Some(mut on) = self.on.take() else { return };
        is_success(Command::new("umount").arg("-l").arg(self.mount_point()));
        if let Some(loop_device) = &on.loop_device {
            is_success(Command::new("losetup").arg("-d").arg(loop_device));
        }
        is_success(Command::new("fusermount3").arg("-uz").arg(&on.image));
        for child in [&mut on.nbdfuse, &mut on.nbdkit] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.power_off();
    }
}

/// Looks again and again until it holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Runs a program that has to succeed; what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a program succeeds; what it says is nobody's business.
pub(crate) fn is_success(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
