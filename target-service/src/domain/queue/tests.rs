//! What the queue promises, on a clock that stands still until it is moved.

use super::*;
use crate::clock::Clock;

const LIFE: Duration = Duration::from_mins(10);
const NEARLY: Duration = Duration::from_millis(599_999);

fn queue(active_limit: Option<u64>) -> (Queue, Clock) {
    (Queue::new(&WorldSize { active_limit, ..WorldSize::default() }), Clock::manual())
}

fn is_active(queue: &Queue, token: Token, now: Timestamp) -> bool {
    matches!(queue.standing(token, now), Ok((_, Standing::Active { .. })))
}

impl Queue {
    fn token_count(&self) -> usize {
        self.shards.each().map(|shard| shard.tokens.len()).sum()
    }

    /// The tokens there is room for, in all maps together.
    fn room(&self) -> usize {
        let mut room =
            self.shards.each().map(|shard| shard.tokens.capacity() + shard.by_age.capacity()).sum();
        self.newest.each_shard(|newest| room += newest.capacity());
        room
    }
}

#[test]
fn without_a_limit_everyone_is_active_until_the_token_expires() {
    let (queue, clock) = queue(None);
    let pass = queue.enter(1.into(), clock.now());
    assert_eq!(pass.standing, Standing::Active { expires_at: clock.now().plus(LIFE) });
    clock.advance(NEARLY);
    assert_eq!(queue.admit(pass.token, clock.now()), Ok(1.into()));
    clock.advance(Duration::from_millis(1));
    assert_eq!(queue.admit(pass.token, clock.now()), Err(Refusal::TokenExpired));
    assert_eq!(queue.admit(pass.token, clock.now()), Err(Refusal::TokenExpired));
    assert_eq!(queue.of_user(&1.into(), clock.now()), Err(Refusal::NoSuchToken));
}

#[test]
fn a_token_that_never_was_is_unknown_and_one_given_back_has_expired() {
    let (queue, clock) = queue(None);
    let pass = queue.enter(1.into(), clock.now());
    assert_eq!(queue.leave(Token(pass.token.0 ^ 1), clock.now()), Err(Refusal::TokenUnknown));
    assert_eq!(queue.leave(pass.token, clock.now()), Ok(()));
    assert_eq!(queue.leave(pass.token, clock.now()), Err(Refusal::TokenExpired));
}

#[test]
fn older_tokens_of_a_user_live_on_and_the_newest_is_found() {
    let (queue, clock) = queue(None);
    let first = queue.enter(1.into(), clock.now());
    let second = queue.enter(1.into(), clock.now());
    assert!(is_active(&queue, first.token, clock.now()));
    assert_eq!(queue.of_user(&1.into(), clock.now()).map(|pass| pass.token), Ok(second.token));
    queue.leave(first.token, clock.now()).unwrap();
    assert_eq!(queue.of_user(&1.into(), clock.now()).map(|pass| pass.token), Ok(second.token));
}

#[test]
fn places_go_to_those_who_came_first() {
    let (queue, clock) = queue(Some(2));
    let passes: Vec<Pass> = (1..=6).map(|user: u64| queue.enter(user.into(), clock.now())).collect();
    let position = |n: usize| match queue.standing(passes[n].token, clock.now()).unwrap().1 {
        Standing::Active { .. } => 0,
        Standing::Waiting { position } => position,
    };
    assert_eq!((0..6).map(position).collect::<Vec<_>>(), [0, 0, 1, 2, 3, 4]);
    let refusal = queue.admit(passes[2].token, clock.now()).unwrap_err();
    assert!(matches!(refusal, Refusal::TokenWaiting { position: 1, .. }));

    queue.leave(passes[3].token, clock.now()).unwrap();
    queue.leave(passes[1].token, clock.now()).unwrap();
    assert_eq!((position(0), position(2), position(4), position(5)), (0, 0, 1, 2));
    assert!(matches!(queue.enter(7.into(), clock.now()).standing, Standing::Waiting { position: 3 }));
}

#[test]
fn who_waited_becomes_active_when_others_expire_and_then_has_a_whole_life() {
    let (queue, clock) = queue(Some(1));
    let passes: Vec<Pass> = (1..=3).map(|user: u64| queue.enter(user.into(), clock.now())).collect();
    clock.advance(LIFE);
    queue.sweep(clock.now());
    let expires_at = clock.now().plus(LIFE);
    assert_eq!(queue.standing(passes[1].token, clock.now()), Ok((2.into(), Standing::Active { expires_at })));
    assert_eq!(queue.standing(passes[0].token, clock.now()), Err(Refusal::TokenExpired));
    assert!(!is_active(&queue, passes[2].token, clock.now()));
    clock.advance(LIFE);
    assert!(is_active(&queue, passes[2].token, clock.now()));
}

#[test]
fn a_place_nobody_asks_about_is_given_up_and_one_somebody_asks_about_is_kept() {
    let (queue, clock) = queue(Some(1));
    let passes: Vec<Pass> = (1..=20).map(|user: u64| queue.enter(user.into(), clock.now())).collect();
    for turn in 1..=9 {
        clock.advance(LIFE);
        queue.standing(passes[19].token, clock.now()).unwrap();
        assert!(is_active(&queue, passes[turn].token, clock.now()));
    }
    clock.advance(LIFE);
    queue.sweep(clock.now());
    assert_eq!(queue.standing(passes[18].token, clock.now()), Err(Refusal::TokenExpired));
    assert!(is_active(&queue, passes[19].token, clock.now()));
}

#[test]
fn tokens_come_and_go_and_leave_no_memory_behind() {
    for limit in [None, Some(10)] {
        let (queue, clock) = queue(limit);
        for user in 0..300_000_u64 {
            queue.enter(user.into(), clock.now());
            if user % 1000 == 0 {
                clock.advance(LIFE);
                queue.sweep(clock.now());
            }
        }
        // A limited line keeps what came in the last ten lives, and a patrol needs its rounds.
        assert!(queue.token_count() < 100_000, "{limit:?}: {}", queue.token_count());
        clock.advance(LIFE * 20);
        for _ in 0..200 {
            queue.sweep(clock.now());
        }
        assert!(queue.token_count() <= 1, "{limit:?}: {}", queue.token_count());
        assert_eq!(queue.newest.len(), queue.token_count());
        assert!(queue.room() < 64 * 1024, "{limit:?}: {}", queue.room());
    }
}
