//! What a container allows the process: read from the control group that it sees, in version 2 as in version 1.
//!
//! Read anew each time, as a limit may be changed while the container runs. Where there is none, or no container,
//! nothing is told.

use std::fs;
use std::path::Path;

/// Where a container finds its own group.
const GROUP: &str = "/sys/fs/cgroup";
/// Version 1 writes down no limit as a number like this or larger, rounded to pages.
const ENDLESS: u64 = 1 << 62;

/// Cores, as in 0.5.
pub(super) fn cores() -> Option<f64> {
    cores_of(Path::new(GROUP))
}

/// Bytes of memory.
pub(super) fn memory() -> Option<u64> {
    memory_of(Path::new(GROUP))
}

fn cores_of(group: &Path) -> Option<f64> {
    let (quota, period) = match read(group, "cpu.max") {
        Some(both) => both.split_once(' ').map(|(quota, period)| (quota.to_owned(), period.to_owned()))?,
        None => (read(group, "cpu/cpu.cfs_quota_us")?, read(group, "cpu/cpu.cfs_period_us")?),
    };
    // Version 2 says `max`, and version 1 says -1, where there is none.
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

fn memory_of(group: &Path) -> Option<u64> {
    let bytes = read(group, "memory.max").or_else(|| read(group, "memory/memory.limit_in_bytes"))?;
    bytes.parse().ok().filter(|&bytes| bytes < ENDLESS)
}

fn read(group: &Path, file: &str) -> Option<String> {
    fs::read_to_string(group.join(file)).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read_and_no_limit_is_none() {
        let folder = std::env::temp_dir().join(format!("ticketing-limits-{}", std::process::id()));
        for (number, (files, cores, memory)) in [
            (
                &[("cpu.max", "50000 100000\n"), ("memory.max", "536870912\n")][..],
                Some(0.5),
                Some(536_870_912),
            ),
            (&[("cpu.max", "max 100000\n"), ("memory.max", "max\n")], None, None),
            (
                &[
                    ("cpu/cpu.cfs_quota_us", "150000\n"),
                    ("cpu/cpu.cfs_period_us", "100000\n"),
                    ("memory/memory.limit_in_bytes", "1073741824\n"),
                ],
                Some(1.5),
                Some(1_073_741_824),
            ),
            (
                &[
                    ("cpu/cpu.cfs_quota_us", "-1\n"),
                    ("cpu/cpu.cfs_period_us", "100000\n"),
                    ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ],
                None,
                None,
            ),
            (&[("cpu.max", "50000\n"), ("memory.max", "")], None, None),
            (&[("cpu.max", "1 0\n")], None, None),
            (&[], None, None),
        ]
        .into_iter()
        .enumerate()
        {
            let group = folder.join(number.to_string());
            for (file, text) in files {
                fs::create_dir_all(group.join(file).parent().unwrap()).unwrap();
                fs::write(group.join(file), text).unwrap();
            }
            assert_eq!((cores_of(&group), memory_of(&group)), (cores, memory), "{files:?}");
        }
        let _ = fs::remove_dir_all(folder);
    }
}
