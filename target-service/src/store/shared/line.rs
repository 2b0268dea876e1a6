//! Tokens and the waiting queue, in the cache: `line.lua` has the rules, and runs each step as a whole.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, ScriptInvocation};

use super::Shared;
use super::failure::Failure;
use super::worlds::World;
use crate::clock::Timestamp;
use crate::domain::queue::{Pass, Standing, Token};
use crate::domain::refusal::Refusal;
use crate::domain::sharded::lock;
use crate::domain::user::UserId;

static LINE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("line.lua")));

/// Numbers of a block: a service takes a whole one, and asks the database again only when it is used up.
const BLOCK_BITS: u32 = 20;
/// What numbers there can be at all; a token of any other was made up.
const NUMBER_BITS: u32 = 44;

/// Token numbers that this service may give out.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    world: u64,
    next: u64,
    end: u64,
}

/// What the script tells: user, position, end, token.
type Told = Option<(String, u64, u64, String)>;

impl Shared {
    pub(crate) async fn enter_queue(&self, user: &UserId) -> Result<Pass, Failure> {
        let world = self.current();
        let token = Token::numbered(world.secret, self.number(&world).await?);
        let told = self.line(&world, "enter", &[&token.to_string(), &user.to_string()]).await?;
        // It was put there in the same step.
        let (_, standing) = told.and_then(standing).ok_or(Failure::TooLate)?;
        Ok(Pass { token, standing })
    }

    pub(crate) async fn standing(&self, token: Token) -> Result<Standing, Failure> {
        Ok(self.ask(&self.current(), "ask", token).await?.1)
    }

    pub(crate) async fn standing_of_user(&self, user: &UserId) -> Result<Pass, Failure> {
        let told = self.line(&self.current(), "find", &[&user.to_string()]).await?;
        let token = told.as_ref().and_then(|told| Token::parse(&told.3));
        let standing = told.and_then(standing).map(|(_, standing)| standing);
        let pass = token.zip(standing).map(|(token, standing)| Pass { token, standing });
        pass.ok_or(Failure::Refused(Refusal::NoSuchToken))
    }

    pub(crate) async fn leave_queue(&self, token: Token) -> Result<(), Failure> {
        self.ask(&self.current(), "leave", token).await.map(drop)
    }

    /// Lets only the holder of an active token pass, and tells who it is.
    pub(super) async fn admit(&self, world: &World, token: Token) -> Result<UserId, Failure> {
        match self.ask(world, "ask", token).await? {
            (user, Standing::Active { .. }) => Ok(user),
            (_, standing @ Standing::Waiting { position }) => {
                Err(Refusal::TokenWaiting { position, retry_after: standing.retry_after() }.into())
            }
        }
    }

    /// How many tokens are active, and how many wait.
    pub(super) async fn line_census(&self) -> Result<(u64, u64), Failure> {
        let told = self.line(&self.current(), "census", &[]).await?;
        Ok(told.map_or((0, 0), |(_, active, waiting, _)| (active, waiting)))
    }

    /// Gives up the places that nobody asks after any more.
    pub(super) async fn sweep_line(&self) -> Result<(), Failure> {
        self.line(&self.current(), "sweep", &[]).await.map(drop)
    }

    async fn ask(&self, world: &World, act: &str, token: Token) -> Result<(UserId, Standing), Failure> {
        let told = self.line(world, act, &[&token.to_string()]).await?;
        told.and_then(standing).ok_or_else(|| {
            let ours = token.number(world.secret) < 1 << NUMBER_BITS;
            Failure::Refused(if ours { Refusal::TokenExpired } else { Refusal::TokenUnknown })
        })
    }

    async fn line(&self, world: &World, act: &str, arguments: &[&str]) -> Result<Told, Failure> {
        let (life, limit) = (world.size.token_life, world.size.active_limit.unwrap_or(0));
        let mut call: ScriptInvocation<'_> = LINE.key(&world.prefix);
        call.arg(act).arg(self.now().millis()).arg(millis(life)).arg(millis(life * 10)).arg(limit);
        for argument in arguments {
            call.arg(argument);
        }
        Ok(call.invoke_async(&mut self.cache()).await?)
    }

    /// A number that no other token of this world has or had, whoever gave it out.
    async fn number(&self, world: &World) -> Result<u64, Failure> {
        {
            let mut numbers = lock(&self.numbers);
            if numbers.world == world.id && numbers.next < numbers.end {
                numbers.next += 1;
                return Ok(numbers.next);
            }
        }
        let block =
            sqlx::query("UPDATE worlds SET token_blocks = LAST_INSERT_ID(token_blocks + 1) WHERE id = ?")
                .bind(world.id)
                .execute(&self.pool)
                .await?
                .last_insert_id();
        let first = block << BLOCK_BITS;
        *lock(&self.numbers) = Numbers { world: world.id, next: first, end: first + (1 << BLOCK_BITS) - 1 };
        Ok(first)
    }
}

fn standing((user, position, end, _): (String, u64, u64, String)) -> Option<(UserId, Standing)> {
    let standing = match position {
        0 => Standing::Active { expires_at: Timestamp::from_millis(end) },
        position => Standing::Waiting { position },
    };
    Some((UserId::parse(&user).ok()?, standing))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
