//! Processes on this machine, by what Linux tells under `/proc`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reading::Reading;
use crate::scenario::monitor::ProcessId;

/// A process, or all that share a port, and what their processor times were at the last look.
#[derive(Debug)]
pub(super) struct Process {
    id: ProcessId,
    scale: Scale,
    known: Vec<Known>,
    /// What all of them used together since the first look, those that ended in the meantime too.
    cpu: u64,
}

/// A process that was there at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    pid: u32,
    /// At the last look, in ticks; none before the first.
    cpu: Option<u64>,
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
    pub(super) fn new(id: ProcessId) -> Process {
        let scale = Scale {
            page: rustix::param::page_size() as u64,
            ticks: rustix::param::clock_ticks_per_second().max(1),
        };
        Process { id, scale, known: Vec::new(), cpu: 0 }
    }

    pub(super) fn read(&mut self) -> Result<Reading, String> {
        if self.known.is_empty() {
            let pids = match self.id {
                ProcessId::Pid(pid) => vec![pid],
                // Looked for again only when all have ended: it takes a look at every process.
                ProcessId::Port(port) => listeners(Path::new("/proc"), port)?,
            };
            self.known = pids.into_iter().map(|pid| Known { pid, cpu: None, began: None }).collect();
        }
        let mut total = Total::default();
        let mut problem = None;
        self.known.retain_mut(|process| match look(process) {
            Ok((stat, descriptors)) => {
                self.cpu += process.cpu.map_or(0, |before| stat.cpu.saturating_sub(before));
                process.cpu = Some(stat.cpu);
                total.add(stat, descriptors);
                true
            }
            Err(why) => {
                problem.get_or_insert(why);
                // Its number may be given to another.
                matches!(self.id, ProcessId::Pid(_))
            }
        });
        match problem {
            Some(problem) if total.processes == 0 => Err(problem),
            _ => Ok(total.reading(self.cpu, self.scale)),
        }
    }
}

/// What is known of a process, and how many files it has open, where the system says.
fn look(process: &mut Known) -> Result<(Stat, Option<u64>), String> {
    let folder = PathBuf::from(format!("/proc/{}", process.pid));
    let text = std::fs::read_to_string(folder.join("stat")).map_err(|error| match error.kind() {
        _ if !Path::new("/proc/self/stat").exists() => "this system has no /proc".into(),
        io::ErrorKind::NotFound if process.began.is_none() => {
            format!("there is no process {}", process.pid)
        }
        io::ErrorKind::NotFound => "it has ended".into(),
        _ => error.to_string(),
    })?;
    let stat = Stat::parse(&text).ok_or("what /proc says of it cannot be read")?;
    if *process.began.get_or_insert(stat.began) != stat.began {
        return Err("it has ended".into());
    }
    Ok((stat, descriptors(&folder)))
}

/// How many files a process has open; of one of somebody else the system does not say.
fn descriptors(process: &Path) -> Option<u64> {
    let folder = process.join("fd");
    // Linux tells the number as the folder's size since 6.2; before, they are counted one by one.
    match std::fs::metadata(&folder).ok()?.len() {
        0 => Some(std::fs::read_dir(&folder).ok()?.count() as u64),
        number => Some(number),
    }
}

/// Several processes together.
#[derive(Debug, Default)]
struct Total {
    processes: u64,
    threads: u64,
    /// In pages.
    resident: u64,
    /// None as soon as one does not tell.
    descriptors: Option<u64>,
}

impl Total {
    fn add(&mut self, stat: Stat, descriptors: Option<u64>) {
        let before = if self.processes == 0 { Some(0) } else { self.descriptors };
        self.descriptors = before.zip(descriptors).map(|(before, more)| before + more);
        self.processes += 1;
        self.threads += stat.threads;
        self.resident = self.resident.saturating_add(stat.resident);
    }

    fn reading(&self, cpu: u64, scale: Scale) -> Reading {
        Reading {
            cpu: Duration::try_from_secs_f64(cpu as f64 / scale.ticks as f64).ok(),
            memory: self.resident.checked_mul(scale.page),
            threads: Some(self.threads),
            descriptors: self.descriptors,
            ..Reading::default()
        }
    }
}

/// The processes that hold a listening socket of this port.
fn listeners(proc: &Path, port: u16) -> Result<Vec<u32>, String> {
    let tables = ["net/tcp", "net/tcp6"].map(|table| std::fs::read_to_string(proc.join(table)));
    if tables.iter().all(Result::is_err) {
        return Err("this system has no /proc".into());
    }
    let sockets: Vec<u64> = tables.iter().flatten().flat_map(|table| listening(table, port)).collect();
    if sockets.is_empty() {
        return Err(format!("nothing on this machine listens on port {port}"));
    }
    let links: Vec<String> = sockets.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let numbers = std::fs::read_dir(proc).map_err(|error| error.to_string())?.flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let Ok(open) = std::fs::read_dir(proc.join(pid.to_string()).join("fd")) else { return false };
        let mut open = open.flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
        open.any(|file| links.iter().any(|link| file.as_os_str() == link.as_str()))
    };
    let pids: Vec<u32> = pids.filter(holds).collect();
    let is_proxy = |pid: &u32| {
        let name = std::fs::read_to_string(proc.join(pid.to_string()).join("comm"));
        name.is_ok_and(|name| name.trim() == "docker-proxy")
    };
    if pids.iter().any(is_proxy) {
        return Err(format!("port {port} is that of a container: write `container: NAME` to watch it"));
    }
    if pids.is_empty() {
        let help = "name it with `pid`, or run as its user";
        return Err(format!("who listens on port {port} belongs to another user: {help}"));
    }
    Ok(pids)
}

/// The sockets that listen on a port, of a table like `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<u64> {
    const LISTENS: &str = "0A";
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(local, 16) == Ok(port) && fields.get(3) == Some(&LISTENS);
        fields.get(9)?.parse().ok().filter(|_| is_it)
    };
    table.lines().skip(1).filter_map(socket).collect()
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

    const SCALE: Scale = Scale { page: 4096, ticks: 100 };

    #[test]
    fn the_fields_of_stat() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!(stat, Stat { cpu: 252, threads: 6, began: 1_293_722, resident: 413 });
    }

    #[test]
    fn processes_are_taken_together() {
        let stat = Stat { cpu: 252, threads: 6, began: 1, resident: 413 };
        let mut total = Total::default();
        total.add(stat, Some(5));
        total.add(stat, Some(7));
        let expected = Reading {
            cpu: Some(Duration::from_millis(1230)),
            memory: Some(826 * 4096),
            descriptors: Some(12),
            threads: Some(12),
            ..Reading::default()
        };
        assert_eq!(total.reading(123, SCALE), expected);
        total.add(stat, None);
        total.add(stat, Some(1));
        assert_eq!(total.descriptors, None, "some are not known");
    }

    /// As Linux 6.18 gives it: port 8080 listens twice, and a connection to it is not meant.
    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 26701 1 0 100 0 0 10 0\n\
        \x20  1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 26702 1 0 100 0 0 10 0\n\
        \x20  2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 26703 1 0 20 4 30 10 -1\n\
        \x20  3: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 26704 1 0 100 0 0 10 0\n";

    #[test]
    fn who_listens_on_a_port() {
        assert_eq!(listening(TCP, 8080), [26_701, 26_702]);
        assert_eq!(listening(TCP, 22), [26_704]);
        assert_eq!(listening(TCP, 54_321), [0; 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_not_there_says_so() {
        // Numbers of processes end at 2^22.
        let mut none = Process::new(ProcessId::Pid(u32::MAX));
        assert_eq!(none.read(), Err("there is no process 4294967295".into()));
        let mut own = Process::new(ProcessId::Pid(std::process::id()));
        own.read().unwrap();
        own.known[0].began = Some(1);
        assert_eq!(own.read(), Err("it has ended".into()), "its number went to another");
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let free = Process::new(ProcessId::Port(port)).read();
        assert_eq!(free, Err(format!("nothing on this machine listens on port {port}")));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_can_be_read_by_number_and_by_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = ProcessId::Port(listener.local_addr().unwrap().port());
        for id in [ProcessId::Pid(std::process::id()), port] {
            let mut own = Process::new(id);
            let first = own.read().unwrap();
            assert_eq!(first.cpu, Some(Duration::ZERO), "counted from the first look");
            assert!(first.memory.unwrap() > 100_000 && first.threads.unwrap() >= 1, "{first:?}");
            let before = first.descriptors.unwrap();
            assert!(before >= 4, "{first:?}");
            assert!(own.read().unwrap().cpu >= first.cpu);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in any::<String>(), fields in any::<Vec<u64>>()) {
            let _ = Stat::parse(&text);
            let fields: Vec<String> = fields.iter().map(u64::to_string).collect();
            if let Some(stat) = Stat::parse(&format!("1 (x) R {}", fields.join(" "))) {
                let mut total = Total::default();
                total.add(stat, None);
                let _ = total.reading(stat.cpu, SCALE);
            }
            let _ = listening(&format!("head\n{text}\n{}", fields.join(" ")), 8080);
        }
    }
}
