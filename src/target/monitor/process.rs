//! A process on this machine, by what Linux tells under `/proc`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::reading::Reading;

/// A process, and what its processor time was at the last look.
#[derive(Debug)]
pub(super) struct Process {
    folder: PathBuf,
    scale: Scale,
    /// When it began, in ticks since the machine did: what tells it from a later one of its number.
    began: Option<u64>,
}

/// What the figures of `/proc` are counted in.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Bytes of a page.
    page: u64,
    /// Ticks of processor time in a second.
    ticks: u64,
}

/// What is taken of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    /// In ticks, of all threads together, those that ended too.
    cpu: u64,
    threads: u64,
    /// Ticks since the machine began.
    began: u64,
    /// In pages.
    resident: u64,
}

impl Process {
    pub(super) fn new(pid: u32) -> Process {
        let scale = Scale {
            page: rustix::param::page_size() as u64,
            ticks: rustix::param::clock_ticks_per_second().max(1),
        };
        Process { folder: PathBuf::from(format!("/proc/{pid}")), scale, began: None }
    }

    pub(super) fn read(&mut self) -> Result<Reading, String> {
        let text = std::fs::read_to_string(self.folder.join("stat")).map_err(|error| why(&error))?;
        let stat = Stat::parse(&text).ok_or("what /proc says of it cannot be read")?;
        if *self.began.get_or_insert(stat.began) != stat.began {
            return Err("it has ended".into());
        }
        Ok(stat.reading(self.scale, self.descriptors()))
    }

    /// How many files it has open; of a process of somebody else the system does not say.
    fn descriptors(&self) -> Option<u64> {
        let folder = self.folder.join("fd");
        // Linux tells the number as the folder's size since 6.2; without it they are counted one by one.
        match std::fs::metadata(&folder).ok()?.len() {
            0 => Some(std::fs::read_dir(&folder).ok()?.count() as u64),
            number => Some(number),
        }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it has ended".into(),
        _ => error.to_string(),
    }
}

impl Stat {
    /// Fields as in proc(5), from the third on: the second is the program's name in brackets, which may hold
    /// blanks and brackets itself.
    fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Stat {
            cpu: field(14)?.checked_add(field(15)?)?,
            threads: field(20)?,
            began: field(22)?,
            resident: field(24)?,
        })
    }

    fn reading(self, scale: Scale, descriptors: Option<u64>) -> Reading {
        Reading {
            cpu: Duration::try_from_secs_f64(self.cpu as f64 / scale.ticks as f64).ok(),
            memory: self.resident.checked_mul(scale.page),
            threads: Some(self.threads),
            descriptors,
            ..Reading::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Linux 6.18 gave it, but for the name.
    const STAT: &str = "13153 (a) b (c) R 13105 13105 2138 0 -1 4194304 101 0 0 0 205 47 11 3 20 0 6 0 1293722 \
                        3133440 413 18446744073709551615 93835858075648 93835858095529 140728565900896 0 0 0 0 0 0 0 \
                        0 0 17 1 0 0 0 0 0 93835858111536 93835858113152 93836184584192 140728565901840 \
                        140728565901860 140728565901860 140728565903339 0\n";

    #[test]
    fn the_fields_of_stat() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!(stat, Stat { cpu: 252, threads: 6, began: 1_293_722, resident: 413 });
        let reading = stat.reading(Scale { page: 4096, ticks: 100 }, Some(5));
        assert_eq!(
            reading,
            Reading {
                cpu: Some(Duration::from_millis(2520)),
                memory: Some(413 * 4096),
                descriptors: Some(5),
                threads: Some(6),
                ..Reading::default()
            }
        );
    }

    #[test]
    fn a_process_that_is_not_there_any_more_says_so() {
        // Numbers of processes end at 2^22.
        let mut gone = Process::new(u32::MAX);
        assert_eq!(gone.read(), Err("it has ended".into()));
        let mut another = Process::new(std::process::id());
        another.began = Some(1);
        assert_eq!(another.read(), Err("it has ended".into()), "its number went to another");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_can_be_read() {
        let mut own = Process::new(std::process::id());
        let reading = own.read().unwrap();
        assert!(reading.cpu.is_some() && reading.memory.unwrap() > 100_000, "{reading:?}");
        let before = reading.descriptors.unwrap();
        assert!(before >= 3 && reading.threads.unwrap() >= 1, "{reading:?}");
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in any::<String>(), fields in any::<Vec<u64>>()) {
            let _ = Stat::parse(&text);
            let fields: Vec<String> = fields.iter().map(u64::to_string).collect();
            let stat = Stat::parse(&format!("1 (x) R {}", fields.join(" ")));
            if let Some(stat) = stat {
                let _ = stat.reading(Scale { page: 4096, ticks: 100 }, None);
            }
        }
    }
}
