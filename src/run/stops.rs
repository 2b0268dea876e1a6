//! Ctrl-C, counted: the first drains, the second ends at once.

use tokio::sync::watch;

/// How often the user asked to stop.
#[derive(Debug)]
pub struct Stops(watch::Receiver<u32>);

impl Stops {
    /// Listens from now on. To be called within a `LocalSet`.
    pub fn listen() -> Stops {
        let (sender, receiver) = watch::channel(0);
        tokio::task::spawn_local(async move {
            loop {
                crate::signals::first().await;
                sender.send_modify(|count| *count += 1);
            }
        });
        Stops(receiver)
    }

    pub fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Ready when there were as many; never where nobody listens.
    pub async fn at_least(&self, count: u32) {
        if self.0.clone().wait_for(|seen| *seen >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
