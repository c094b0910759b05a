//! Waiting between attempts to reach a server: short at first, then up to two seconds, never in
//! step with others. It waits in real time whatever clock the program was given, because the
//! server it waits for lives in real time.

use std::time::Duration;

use support_clock::Random;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    pub(crate) async fn wait(&mut self, random: &dyn Random) {
        let pause = random.jitter(self.next, 0.25);
        self.next = (self.next * 2).min(LONGEST);
        tokio::time::sleep(pause).await;
    }
}
