//! What the process uses, as the system counts it.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time all threads have spent on a core.
pub(super) fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    // Neither is ever negative here.
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// The bytes in memory; none where the system does not tell as Linux does.
pub(super) fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory() {
        let (before, memory) = (cpu(), resident_memory().unwrap());
        let block = vec![1_u8; 64 << 20];
        assert_eq!(block.iter().map(|&n| u64::from(n)).sum::<u64>(), 64 << 20);
        assert!(cpu() > before);
        assert!(resident_memory().unwrap() > memory + (32 << 20));
    }
}
