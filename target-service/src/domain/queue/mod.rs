//! The waiting queue: who may reserve, who waits for it, and until when.
//!
//! Tokens live in shards. Without an active limit that is all there is: no lock is shared by all. With a
//! limit there is also a [`Line`], locked before a shard and never while one is held.
//!
//! An active token lives for the world's token life, counted from when it became active, so that one who
//! waited long has as much time as one who did not. Those who wait do not expire while anyone asks after
//! them; a place in line that nobody asked about for ten token lives is given up, or the abandoned ones would
//! fill the memory.

mod line;
mod token;

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Mutex;
use std::time::Duration;

use self::line::Line;
pub(crate) use self::token::Token;
use self::token::TokenNumbers;
use super::refusal::Refusal;
use super::sharded::{OwnNumber, ShardedMap, Shards, lock};
use super::size::WorldSize;
use super::user::UserId;
use crate::clock::Timestamp;

/// Where a token stands, as its holder is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active { expires_at: Timestamp },
    Waiting { position: u64 },
}

impl Standing {
    /// Who is next comes back soon; who is far behind need not ask often.
    pub(crate) fn retry_after(self) -> Duration {
        match self {
            Self::Active { .. } => Duration::ZERO,
            Self::Waiting { position } => Duration::from_millis(position.saturating_mul(10).clamp(200, 5000)),
        }
    }
}

/// A token with where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) token: Token,
    pub(crate) standing: Standing,
}

#[derive(Debug)]
struct Entry {
    user: UserId,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Active { until: Timestamp },
    Waiting { ticket: u64, given_up_at: Timestamp },
}

#[derive(Debug, Default)]
struct Shard {
    tokens: HashMap<Token, Entry, BuildHasherDefault<OwnNumber>>,
    /// Without a limit all tokens live equally long, so the order of issue is that of expiry.
    by_age: VecDeque<(Timestamp, Token)>,
}

impl Shard {
    /// Removes what has expired, the oldest first and at most so many, and tells whose it was.
    fn expire(&mut self, now: Timestamp, most: usize) -> Vec<(Token, UserId)> {
        let mut gone = Vec::new();
        for _ in 0..most {
            let Some(&(_, token)) = self.by_age.front().filter(|(until, _)| *until <= now) else { break };
            self.by_age.pop_front();
            gone.extend(self.tokens.remove(&token).map(|entry| (token, entry.user)));
        }
        gone
    }
}

/// All tokens of a world.
#[derive(Debug)]
pub(crate) struct Queue {
    life: Duration,
    patience: Duration,
    numbers: TokenNumbers,
    shards: Shards<Shard>,
    /// Each user's newest token.
    newest: ShardedMap<UserId, Token>,
    limited: Option<Limited>,
}

#[derive(Debug)]
struct Limited {
    most_active: u64,
    line: Mutex<Line>,
}

impl Queue {
    pub(crate) fn new(size: &WorldSize) -> Self {
        Self {
            life: size.token_life,
            patience: size.token_life.saturating_mul(10),
            numbers: TokenNumbers::new(),
            shards: Shards::default(),
            newest: ShardedMap::default(),
            limited: size.active_limit.map(|most_active| Limited { most_active, line: Mutex::default() }),
        }
    }

    /// Gives the user a new token, active if there is room and nobody waits.
    pub(crate) fn enter(&self, user: UserId, now: Timestamp) -> Pass {
        let token = self.numbers.issue();
        let standing = match &self.limited {
            None => self.enter_freely(token, user.clone(), now),
            Some(limited) => self.enter_line(limited, token, user.clone(), now),
        };
        self.newest.insert(user, token);
        Pass { token, standing }
    }

    fn enter_freely(&self, token: Token, user: UserId, now: Timestamp) -> Standing {
        let until = now.plus(self.life);
        let mut shard = self.shards.lock(token.0);
        // Two out for one in: what has expired goes faster than new ones come, and nobody waits long for it.
        let gone = shard.expire(now, 2);
        shard.tokens.insert(token, Entry { user, place: Place::Active { until } });
        shard.by_age.push_back((until, token));
        drop(shard);
        self.forget(gone);
        Standing::Active { expires_at: until }
    }

    fn enter_line(&self, limited: &Limited, token: Token, user: UserId, now: Timestamp) -> Standing {
        let mut line = lock(&limited.line);
        self.move_up(limited, &mut line, now);
        // After moving up there is room only if nobody waits for it.
        let (place, standing) = if (line.active.len() as u64) < limited.most_active {
            let until = now.plus(self.life);
            line.active.insert((until, token));
            (Place::Active { until }, Standing::Active { expires_at: until })
        } else {
            let ticket = line.waiting.join(token);
            let place = Place::Waiting { ticket, given_up_at: now.plus(self.patience) };
            (place, Standing::Waiting { position: line.waiting.position(ticket) })
        };
        self.shards.lock(token.0).tokens.insert(token, Entry { user, place });
        standing
    }

    /// Where a token stands and whose it is; asking keeps a place in line.
    pub(crate) fn standing(&self, token: Token, now: Timestamp) -> Result<(UserId, Standing), Refusal> {
        {
            let shard = self.shards.lock(token.0);
            let entry = shard.tokens.get(&token).ok_or_else(|| self.missing(token))?;
            if let Place::Active { until } = entry.place
                && now < until
            {
                return Ok((entry.user.clone(), Standing::Active { expires_at: until }));
            }
        }
        let Some(limited) = &self.limited else {
            self.forget(self.remove(token).map(|entry| (token, entry.user)));
            return Err(Refusal::TokenExpired);
        };
        let mut line = lock(&limited.line);
        self.move_up(limited, &mut line, now);
        let mut shard = self.shards.lock(token.0);
        let entry = shard.tokens.get_mut(&token).ok_or(Refusal::TokenExpired)?;
        let standing = match &mut entry.place {
            Place::Active { until } => Standing::Active { expires_at: *until },
            Place::Waiting { ticket, given_up_at } => {
                *given_up_at = now.plus(self.patience);
                Standing::Waiting { position: line.waiting.position(*ticket) }
            }
        };
        Ok((entry.user.clone(), standing))
    }

    /// Lets only the holder of an active token pass, and tells who it is.
    pub(crate) fn admit(&self, token: Token, now: Timestamp) -> Result<UserId, Refusal> {
        match self.standing(token, now)? {
            (user, Standing::Active { .. }) => Ok(user),
            (_, standing @ Standing::Waiting { position }) => {
                Err(Refusal::TokenWaiting { position, retry_after: standing.retry_after() })
            }
        }
    }

    /// The newest token of a user, if it lives.
    pub(crate) fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Pass, Refusal> {
        let token = self.newest.get(user).ok_or(Refusal::NoSuchToken)?;
        let Ok((_, standing)) = self.standing(token, now) else {
            self.forget([(token, user.clone())]);
            return Err(Refusal::NoSuchToken);
        };
        Ok(Pass { token, standing })
    }

    /// Ends a token; whoever waits first moves up.
    pub(crate) fn leave(&self, token: Token, now: Timestamp) -> Result<(), Refusal> {
        let mut line = self.limited.as_ref().map(|limited| (limited, lock(&limited.line)));
        if let Some((limited, line)) = &mut line {
            self.move_up(limited, line, now);
        }
        let entry = self.remove(token).ok_or_else(|| self.missing(token))?;
        if let Some((limited, line)) = &mut line {
            match entry.place {
                Place::Active { until } => {
                    line.active.remove(&(until, token));
                    self.move_up(limited, line, now);
                }
                Place::Waiting { ticket, .. } => line.waiting.leave(ticket),
            }
        }
        drop(line);
        self.forget([(token, entry.user)]);
        match entry.place {
            Place::Active { until } if until <= now => Err(Refusal::TokenExpired),
            _ => Ok(()),
        }
    }

    /// How many tokens are active, and how many wait.
    pub(crate) fn census(&self, now: Timestamp) -> (u64, u64) {
        if let Some(limited) = &self.limited {
            let mut line = lock(&limited.line);
            self.move_up(limited, &mut line, now);
            return (line.active.len() as u64, line.waiting.len());
        }
        // Those that nobody has cleared away yet are the oldest.
        let living = |shard: &Shard| {
            let expired = shard.by_age.partition_point(|(until, _)| *until <= now);
            shard.by_age.range(expired..).filter(|(_, token)| shard.tokens.contains_key(token)).count()
        };
        (self.shards.each().map(|shard| living(&shard) as u64).sum(), 0)
    }

    /// Removes what has expired although nobody asks for it any more.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let Some(limited) = &self.limited else {
            for mut shard in self.shards.each() {
                let gone = shard.expire(now, usize::MAX);
                drop(shard);
                self.forget(gone);
            }
            self.give_room_back();
            return;
        };
        let mut line = lock(&limited.line);
        self.move_up(limited, &mut line, now);
        let mut gone = Vec::new();
        for (ticket, token) in line.waiting.patrol() {
            let mut shard = self.shards.lock(token.0);
            let place = shard.tokens.get(&token).map(|entry| entry.place);
            if matches!(place, Some(Place::Waiting { given_up_at, .. }) if given_up_at <= now) {
                gone.extend(shard.tokens.remove(&token).map(|entry| (token, entry.user)));
                line.waiting.leave(ticket);
            }
        }
        drop(line);
        self.forget(gone);
        self.give_room_back();
    }

    /// Gives the memory of a rush back after it: maps keep the room that they once needed.
    fn give_room_back(&self) {
        for mut shard in self.shards.each() {
            if let Some(room) = spare_room(shard.tokens.len(), shard.tokens.capacity()) {
                shard.tokens.shrink_to(room);
            }
            if let Some(room) = spare_room(shard.by_age.len(), shard.by_age.capacity()) {
                shard.by_age.shrink_to(room);
            }
        }
        self.newest.each_shard(|newest| {
            if let Some(room) = spare_room(newest.len(), newest.capacity()) {
                newest.shrink_to(room);
            }
        });
    }

    /// Takes out the active ones whose time is over, and fills their places from the line.
    fn move_up(&self, limited: &Limited, line: &mut Line, now: Timestamp) {
        while let Some(&(_, token)) = line.active.first().filter(|(until, _)| *until <= now) {
            line.active.pop_first();
            self.forget(self.remove(token).map(|entry| (token, entry.user)));
        }
        while (line.active.len() as u64) < limited.most_active {
            let Some(token) = line.waiting.call() else { break };
            let until = now.plus(self.life);
            let mut shard = self.shards.lock(token.0);
            match shard.tokens.get_mut(&token) {
                Some(Entry { place: Place::Waiting { given_up_at, .. }, .. }) if *given_up_at <= now => {
                    let gone = shard.tokens.remove(&token).map(|entry| (token, entry.user));
                    drop(shard);
                    self.forget(gone);
                }
                Some(entry) => {
                    entry.place = Place::Active { until };
                    line.active.insert((until, token));
                }
                None => {}
            }
        }
    }

    fn remove(&self, token: Token) -> Option<Entry> {
        self.shards.lock(token.0).tokens.remove(&token)
    }

    /// Drops the users' way to tokens that are gone, unless it leads to a newer one by now.
    fn forget(&self, gone: impl IntoIterator<Item = (Token, UserId)>) {
        for (token, user) in gone {
            let mut newest = self.newest.shard(&user);
            if newest.get(&user) == Some(&token) {
                newest.remove(&user);
            }
        }
    }

    fn missing(&self, token: Token) -> Refusal {
        if self.numbers.was_issued(token) { Refusal::TokenExpired } else { Refusal::TokenUnknown }
    }
}

/// The room to keep of a map that is nearly empty; none if it is well used, or too small to matter.
fn spare_room(used: usize, room: usize) -> Option<usize> {
    (room > 256 && used < room / 4).then_some(used * 2)
}

#[cfg(test)]
mod tests;
