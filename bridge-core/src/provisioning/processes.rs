//! Logins under way. Each is a task that owns its [`LoginProcess`] and takes one order after the other,
//! so that a client which repeats a request whose answer was lost gets that answer, and nothing is done
//! twice. What nobody goes on with ends by itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::shapes::{Complete, LoginStepBody, StepKind, shown};
use super::{Provisioning, failure::Failure};
use crate::ids::{LoginId, NetworkId};
use crate::network::{LoginInput, LoginProcess, LoginRecord, LoginStep, NetworkError};

/// How long a login may take, from its first step to its last.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How long a finished one still answers a repeated request.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many one person may have under way.
const MOST: usize = 8;
/// How many requests may wait for one step.
const WAITING: usize = 4;
/// How long a new login may take to connect before its owner is told by the bot how it goes.
const CONNECT_WAIT: Duration = Duration::from_secs(20);

/// All logins under way.
#[derive(Default)]
pub(super) struct Processes(Mutex<HashMap<String, Running>>);

struct Running {
    owner: String,
    network: NetworkId,
    orders: mpsc::Sender<Placed>,
    stop: CancellationToken,
}

/// One step handed in.
pub(super) struct Order {
    pub(super) step_id: String,
    pub(super) txn_id: Option<String>,
    pub(super) kind: StepKind,
    pub(super) input: LoginInput,
}

type Answer = Result<LoginStepBody, Failure>;

/// What is to be begun.
pub(super) struct Beginning {
    pub(super) network: NetworkId,
    pub(super) flow: String,
    pub(super) owner: String,
    /// A login that this one takes the place of.
    pub(super) replaces: Option<LoginId>,
}

impl Processes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_of(&self, owner: &str) -> usize {
        self.lock().values().filter(|running| running.owner == owner).count()
    }
}

/// An order and where its answer goes.
struct Placed {
    order: Order,
    answer: oneshot::Sender<Answer>,
}

/// The task behind one login.
struct Worker {
    state: Provisioning,
    id: String,
    beginning: Beginning,
    process: Box<dyn LoginProcess>,
    /// The step the client is at.
    current: LoginStepBody,
    /// The step before: asked for again, it is answered again.
    before: Option<LoginStepBody>,
    steps: u32,
    stop: CancellationToken,
}

impl Provisioning {
    /// Begins a login and returns its first step.
    pub(super) async fn begin(&self, beginning: Beginning) -> Answer {
        if self.0.processes.count_of(&beginning.owner) >= MOST {
            let words = "You have too many logins under way; finish or cancel one.";
            return Err(Failure::too_many(words, REMEMBERED));
        }
        let connector = self.0.parts.networks.connector(&beginning.network);
        let connector = connector.ok_or_else(|| Failure::not_found("This network is gone."))?;
        let mut process = connector.start_login(&beginning.flow, &beginning.owner).await?;
        let step = process.start().await?;
        let id = self.0.parts.random.hex(16);
        let (orders, inbox) = mpsc::channel(WAITING);
        let stop = self.0.parts.stop.child_token();
        let running = Running {
            owner: beginning.owner.clone(),
            network: beginning.network.clone(),
            orders,
            stop: stop.clone(),
        };
        let mut worker = Worker {
            state: self.clone(),
            current: blank(&id),
            id: id.clone(),
            beginning,
            process,
            before: None,
            steps: 0,
            stop,
        };
        let first = worker.advance(step).await?;
        self.0.processes.lock().insert(id, running);
        self.0.parts.tasks.spawn(worker.run(inbox));
        Ok(first)
    }

    /// Hands in a step and returns the next, which may take as long as the network waits for the person.
    pub(super) async fn submit(&self, owner: &str, id: &str, order: Order) -> Answer {
        let orders = self.find(owner, id)?;
        let (answer, answered) = oneshot::channel();
        match orders.try_send(Placed { order, answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(over())),
            Err(mpsc::error::TrySendError::Full(_)) => {
                let words = "This step is being waited for already.";
                Err(Failure::too_many(words, Duration::from_secs(1)))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(over()),
        }
    }

    /// Gives a login up.
    pub(super) fn give_up(&self, owner: &str, id: &str) -> Result<(), Failure> {
        self.find(owner, id)?;
        if let Some(running) = self.0.processes.lock().remove(id) {
            tracing::info!(network = %running.network, "a login was cancelled");
            running.stop.cancel();
        }
        Ok(())
    }

    fn find(&self, owner: &str, id: &str) -> Result<mpsc::Sender<Placed>, Failure> {
        let processes = self.0.processes.lock();
        let running = processes.get(id).filter(|running| running.owner == owner);
        let unknown = || Failure::not_found("There is no such login under way.");
        running.map(|running| running.orders.clone()).ok_or_else(unknown)
    }
}

impl Worker {
    async fn run(mut self, mut inbox: mpsc::Receiver<Placed>) {
        let clock = self.state.0.parts.clock.clone();
        let deadline = clock.monotonic() + LONGEST;
        let stop = self.stop.clone();
        while self.current.kind != StepKind::Complete {
            let left = deadline.saturating_sub(clock.monotonic());
            let placed = tokio::select! {
                placed = inbox.recv() => placed,
                () = clock.sleep(left) => None,
                () = stop.cancelled() => None,
            };
            let Some(Placed { order, answer }) = placed else { break };
            let answered = tokio::select! {
                answered = self.take(order) => answered,
                () = clock.sleep(left) => Err((over(), true)),
                () = stop.cancelled() => Err((over(), true)),
            };
            let ends = matches!(answered, Err((_, true)));
            // A client that went away asks again and is answered from what is remembered.
            drop(answer.send(answered.map_err(|(failure, _)| failure)));
            if ends {
                break;
            }
        }
        if self.current.kind == StepKind::Complete {
            self.answered().repeat_for_a_while(inbox, &self.state.clone(), &stop).await;
        } else {
            self.process.cancel().await;
        }
        self.state.0.processes.lock().remove(&self.id);
    }

    /// Does one step. An error says whether it ends the login.
    async fn take(&mut self, order: Order) -> Result<LoginStepBody, (Failure, bool)> {
        if !self.is_current(&order) {
            return self.answered().repeat(&order).map_err(|failure| (failure, false));
        }
        let next = match self.current.kind {
            StepKind::UserInput => self.process.submit(order.input).await,
            StepKind::DisplayAndWait => self.process.wait().await,
            StepKind::Complete => return Err((over(), false)),
        };
        match next {
            Ok(step) => self.advance(step).await.map_err(|failure| (failure, true)),
            Err(error) => {
                let ends = !may_be_asked_again(&error);
                Err((error.into(), ends))
            }
        }
    }

    fn is_current(&self, order: &Order) -> bool {
        let LoginStepBody { step_id, txn_id, kind, .. } = &self.current;
        order.step_id == *step_id
            && order.kind == *kind
            && order.txn_id.as_ref().is_none_or(|shown| shown == txn_id)
    }

    async fn advance(&mut self, step: LoginStep) -> Answer {
        self.steps += 1;
        let login = match &step {
            LoginStep::Complete { record, .. } => Some(self.keep(record.clone()).await?),
            _ => None,
        };
        let (kind, instructions, user_input, display_and_wait) = shown(step);
        let next = LoginStepBody {
            login_id: self.id.clone(),
            kind,
            step_id: format!("com.rialto.{}.{}", self.beginning.flow, self.steps),
            txn_id: format!("{}-{}", self.id, self.steps),
            instructions,
            user_input,
            display_and_wait,
            complete: login.map(|login| Complete { user_login_id: login.as_str().to_owned() }),
        };
        self.before = Some(std::mem::replace(&mut self.current, next.clone()));
        Ok(next)
    }

    /// Keeps the new login and lets it connect.
    async fn keep(&mut self, record: LoginRecord) -> Result<LoginId, Failure> {
        let Beginning { network, owner, replaces, .. } = &self.beginning;
        let logins = &self.state.0.parts.logins;
        let login = logins.keep(network, owner, record).await?;
        if let Some(old) = replaces.as_ref().filter(|old| **old != login) {
            logins.log_out(old).await?;
        }
        let (logins, made) = (logins.clone(), login.clone());
        let stop = self.state.0.parts.stop.clone();
        let connecting = async move {
            logins.connect(&made).await;
            let state = logins.settled(&made, CONNECT_WAIT).await;
            // Who logged in by a page sees there that it worked; trouble is told by the bot too.
            let seen = state.as_ref().filter(|state| state.is_connected());
            logins.unwatch(&made, seen).await;
        };
        let tasks = &self.state.0.parts.tasks;
        tasks.spawn(async move { stop.run_until_cancelled(connecting).await });
        Ok(login)
    }

    fn answered(&self) -> Answered {
        Answered { before: self.before.clone(), current: self.current.clone() }
    }
}

/// What was answered last, for a request that comes again.
struct Answered {
    before: Option<LoginStepBody>,
    current: LoginStepBody,
}

impl Answered {
    /// Answers a step that was taken before with what it led to.
    fn repeat(&self, order: &Order) -> Answer {
        let known = self.before.as_ref().is_some_and(|before| {
            order.step_id == before.step_id
                && order.kind == before.kind
                && order.txn_id.as_ref().is_none_or(|shown| *shown == before.txn_id)
        });
        if known {
            return Ok(self.current.clone());
        }
        Err(Failure::bad_state(format!(
            "This login is at step `{}`, not at `{}`.",
            self.current.step_id, order.step_id
        )))
    }

    /// Answers repeated requests for a while, until nobody can be waiting for one any more.
    async fn repeat_for_a_while(
        self,
        mut inbox: mpsc::Receiver<Placed>,
        state: &Provisioning,
        stop: &CancellationToken,
    ) {
        let answering = async {
            while let Some(Placed { order, answer }) = inbox.recv().await {
                drop(answer.send(self.repeat(&order)));
            }
        };
        tokio::select! {
            () = answering => {}
            () = state.0.parts.clock.sleep(REMEMBERED) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What a worker shows before its first step.
fn blank(id: &str) -> LoginStepBody {
    LoginStepBody {
        login_id: id.to_owned(),
        kind: StepKind::UserInput,
        step_id: String::new(),
        txn_id: String::new(),
        instructions: String::new(),
        user_input: None,
        display_and_wait: None,
        complete: None,
    }
}

fn over() -> Failure {
    Failure::not_found("This login is over; begin another one.")
}

fn may_be_asked_again(error: &NetworkError) -> bool {
    matches!(
        error,
        NetworkError::Invalid(_) | NetworkError::BadCredentials(_) | NetworkError::NotFound(_)
    )
}
