//! Commands: those that come while others are made durable wait, and are made durable together.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;
use tracing::error;
use zonekit_http::{Commanded, Receipt, ServiceError};
use zonekit_model::{Changes, Command, Refusal, SecondaryZone};
use zonekit_store::StoreError;

use super::{About, Node, in_words};
use crate::{Config, clock};

/// No more than this are judged at once: the registry is held for that long.
const GROUP: usize = 256;

/// Commands on their way: judged, made durable, applied, one group after the other.
#[derive(Default)]
pub(crate) struct Commands {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever changes the registry.
    writer: tokio::sync::Mutex<()>,
}

struct Waiting {
    command: Command,
    receipt: Option<Receipt>,
    /// The configuration that it is the declaration of, if it is: in force if and when that is durable.
    config: Option<Box<Config>>,
    answer: oneshot::Sender<Result<About, ServiceError>>,
}

/// What a command comes to.
struct Judged {
    changes: Changes,
    /// What is kept with it.
    kept: Vec<(String, Vec<u8>)>,
    /// What that was made of.
    told: Option<Commanded>,
    /// What comes into force with it.
    config: Option<Box<Config>>,
}

impl Judged {
    fn parts(&self) -> (&Changes, &[(String, Vec<u8>)]) {
        (&self.changes, &self.kept)
    }
}

impl Commands {
    /// Carries a command out, with all others that wait by the time it is its turn.
    pub(super) async fn carry_out(
        &self,
        node: &Arc<Node>,
        command: Command,
        receipt: Option<Receipt>,
        config: Option<Box<Config>>,
    ) -> Result<About, ServiceError> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push(Waiting {
            command,
            receipt,
            config,
            answer,
        });
        let _writer = self.writer.lock().await;
        loop {
            match answered.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(ServiceError::Internal("a command was dropped".to_owned()));
                }
            }
            let group = {
                let mut waiting = self.waiting();
                let len = waiting.len().min(GROUP);
                waiting.drain(..len).collect()
            };
            let left = node.change_together(group).await;
            self.waiting().splice(..0, left);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        { self.waiting.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Node {
    /// Carries out as many commands of a group as go together; gives back the others. To be called by one at a time.
    async fn change_together(self: &Arc<Self>, group: Vec<Waiting>) -> Vec<Waiting> {
        let commands: Vec<Command> = { group.iter() }
            .map(|waiting| waiting.command.clone())
            .collect();
        let (about, verdicts) = {
            let mut registry = self.book.registry();
            let about = commands.iter().map(|command| match command {
                // Told of one that changes nothing.
                Command::EnsureZone { contract, id, .. } => registry.zone(contract, *id).cloned(),
                _ => None,
            });
            let about: Vec<Option<Arc<SecondaryZone>>> = about.collect();
            (about, registry.judge_group(&commands, clock::now()))
        };
        let mut group = group.into_iter();
        let (mut answers, mut judged) = (Vec::new(), Vec::new());
        for (verdict, waiting) in verdicts.into_iter().zip(group.by_ref()) {
            answers.push(waiting.answer);
            judged.push(match verdict {
                Ok(changes) => Ok(Judged {
                    config: waiting.config,
                    ..self.with_receipt(changes, waiting.receipt)
                }),
                Err(refusal) => Err(refusal),
            });
        }

        let node = Arc::clone(self);
        let keeping = tokio::task::spawn_blocking(move || {
            let kept = node.keep(&judged);
            (judged, kept)
        });
        match keeping.await {
            Ok((judged, kept)) => {
                let results = judged.into_iter().zip(kept);
                for ((answer, about), (verdict, kept)) in
                    answers.into_iter().zip(about).zip(results)
                {
                    // Whoever asked may have gone.
                    let _ = answer.send(self.put_in_force(about, verdict, kept));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(ServiceError::Internal(error.to_string())));
                }
            }
        }
        group.collect()
    }

    /// What was judged, with what its receipt says: made before the commit, so that it is in it.
    fn with_receipt(&self, changes: Changes, receipt: Option<Receipt>) -> Judged {
        let Some(receipt) = receipt else {
            return Judged {
                changes,
                kept: Vec::new(),
                told: None,
                config: None,
            };
        };
        let told = Commanded {
            zone: changes.zone().map(|zone| self.view(Arc::clone(zone))),
            key: changes.key().cloned(),
        };
        Judged {
            changes,
            kept: receipt(&told),
            told: Some(told),
            config: None,
        }
    }

    /// Makes durable what was judged, in one commit if that can be; what cannot be kept leaves the others alone. Waits for
    /// the disk.
    fn keep(&self, verdicts: &[Result<Judged, Refusal>]) -> Vec<Result<(), StoreError>> {
        let judged: Vec<_> = verdicts.iter().flatten().map(Judged::parts).collect();
        if judged.len() > 1 && self.book.store(&self.store, judged).is_ok() {
            return verdicts.iter().map(|_| Ok(())).collect();
        }
        let keep = |verdict: &Result<Judged, Refusal>| match verdict {
            Ok(judged) => self.book.store(&self.store, [judged.parts()]),
            Err(_) => Ok(()),
        };
        verdicts.iter().map(keep).collect()
    }

    fn put_in_force(
        self: &Arc<Self>,
        about: Option<Arc<SecondaryZone>>,
        verdict: Result<Judged, Refusal>,
        kept: Result<(), StoreError>,
    ) -> Result<About, ServiceError> {
        let Judged {
            changes,
            told,
            config,
            ..
        } = verdict?;
        kept.map_err(not_kept)?;
        let about = About {
            zone: changes.zone().cloned().or(about),
            key: changes.key().cloned(),
            told,
        };
        // Durable by now: there is no way back, and what could be undone by is not needed.
        if let Some(config) = config {
            self.adopt(*config);
        }
        let _ = self.book.registry().apply(changes.clone());
        self.take_effect(changes);
        Ok(about)
    }
}

/// What whoever asked is told. How many zones there may be in all is no business of a single contract.
fn not_kept(error: StoreError) -> ServiceError {
    match error {
        StoreError::TooManyZones { .. } => {
            error!(error = in_words(&error), "a zone is not made");
            ServiceError::Full
        }
        error => ServiceError::Internal(in_words(&error)),
    }
}
