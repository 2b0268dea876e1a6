//! A target in a container: started of an image, with so much of the processor and of memory, and taken away again
//! however the run ends.
//!
//! Each container has a label that says which run it belongs to. Should a run be killed so that nothing can be tidied
//! up, the next one takes away what it left.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerSummaryStateEnum, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};

use super::TargetError;
use crate::scenario::model::{Image, Spec};

/// The label of all containers that this program starts; its value names the run.
const LABEL: &str = "loadtest.run";
/// An engine that takes longer for a single answer is stuck.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);
/// Where the engine listens when nothing else is said.
const USUAL_HOST: &str = "unix:///var/run/docker.sock";
/// The period by which the kernel gives out processor time is 100 ms; limits are in billionths of a core.
const BILLION: f64 = 1e9;

/// A container that runs. Dropping it takes it away.
pub struct Container {
    docker: Docker,
    name: String,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is started.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) image: &'a Image,
    /// What comes after the image's own command.
    pub(super) arguments: Vec<String>,
    /// Without one it may use all there is.
    pub(super) spec: Option<&'a Spec>,
    /// How to come to the image, where it is not there.
    pub(super) remedy: String,
}

impl Container {
    /// Starts one, and says at which URL its port is published.
    pub(super) async fn start(wanted: Wanted<'_>) -> Result<(Container, String), TargetError> {
        let docker = engine().await?;
        sweep(&docker).await;
        let container = Container { docker, name: new_name() };
        let port = in_time(container.create(&wanted)).await?;
        Ok((container, format!("http://127.0.0.1:{port}")))
    }

    async fn create(&self, wanted: &Wanted<'_>) -> Result<u16, TargetError> {
        let image = &wanted.image.name;
        let failed = |error: Error| TargetError::Container { image: image.clone(), why: in_words(&error) };
        let options = CreateContainerOptionsBuilder::default().name(&self.name).build();
        let created = self.docker.create_container(Some(options), body(wanted)).await;
        match created {
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                return Err(TargetError::NoImage { image: image.clone(), remedy: wanted.remedy.clone() });
            }
            created => created.map_err(failed)?,
        };
        self.docker.start_container(&self.name, None::<StartContainerOptions>).await.map_err(failed)?;
        let told = self.docker.inspect_container(&self.name, None::<InspectContainerOptions>).await;
        let ports = told.map_err(failed)?.network_settings.and_then(|network| network.ports);
        let published = ports.and_then(|ports| ports.get(&inside(wanted.image.port)).cloned().flatten());
        let port = published.unwrap_or_default().into_iter().find_map(|one| one.host_port?.parse().ok());
        match port {
            Some(port) => Ok(port),
            // One that ends at once has no ports.
            None => Err(match self.ended().await {
                Some(why) => TargetError::Ended { image: image.clone(), why },
                None => TargetError::Container { image: image.clone(), why: "it has no port".into() },
            }),
        }
    }

    /// As the engine knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it came to its end, if it has ended.
    pub async fn ended(&self) -> Option<String> {
        let told = self.docker.inspect_container(&self.name, None::<InspectContainerOptions>);
        let state = tokio::time::timeout(LONGEST_ANSWER, told).await.ok()?.ok()?.state?;
        if state.running == Some(true) {
            return (state.oom_killed == Some(true))
                .then(|| "a process in the container was killed: out of memory".into());
        }
        Some(match state.exit_code {
            _ if state.oom_killed == Some(true) => "the container was killed: out of memory".into(),
            Some(code) => format!("the container ended with exit code {code}"),
            None => "the container ended".into(),
        })
    }
}

impl Drop for Container {
    /// On a thread, and over a connection, of its own: this one may belong to a runtime, which does nothing while
    /// it waits here.
    fn drop(&mut self) {
        let name = self.name.clone();
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // What could not be taken away has its label, for the next run to find.
            if let Ok(runtime) = runtime {
                let _ = runtime.block_on(async {
                    tokio::time::timeout(LONGEST_ANSWER, async {
                        if let Ok(docker) = engine().await {
                            let _ = remove(&docker, &name).await;
                        }
                    })
                    .await
                });
            }
        });
        let _ = removing.join();
    }
}

/// Without asking it to end first: nothing in it is needed any more.
async fn remove(docker: &Docker, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    docker.remove_container(name, Some(options)).await
}

/// The engine, when it answers.
async fn engine() -> Result<Docker, TargetError> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| USUAL_HOST.into());
    let failed = |error: Error| TargetError::NoEngine { host: host.clone(), why: cause(&error) };
    let docker = Docker::connect_with_defaults().map_err(failed)?;
    match tokio::time::timeout(LONGEST_ANSWER, docker.negotiate_version()).await {
        Ok(docker) => docker.map_err(failed),
        Err(_) => Err(TargetError::NoEngine { host, why: "no answer in time".into() }),
    }
}

async fn in_time<T>(what: impl Future<Output = Result<T, TargetError>>) -> Result<T, TargetError> {
    let late = || TargetError::NoEngine { host: "its address".into(), why: "no answer in time".into() };
    tokio::time::timeout(LONGEST_ANSWER, what).await.unwrap_or_else(|_| Err(late()))
}

fn body(wanted: &Wanted<'_>) -> ContainerCreateBody {
    let image = wanted.image;
    let binding = PortBinding { host_ip: Some("127.0.0.1".into()), host_port: Some(String::new()) };
    let memory = wanted.spec.map(|spec| i64::try_from(spec.memory).unwrap_or(i64::MAX));
    ContainerCreateBody {
        image: Some(image.name.clone()),
        cmd: (!wanted.arguments.is_empty()).then(|| wanted.arguments.clone()),
        env: Some(image.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        exposed_ports: Some(vec![inside(image.port)]),
        labels: Some(HashMap::from([(LABEL.to_owned(), Owner::this().label())])),
        host_config: Some(HostConfig {
            nano_cpus: wanted.spec.map(|spec| (spec.cpus * BILLION).round() as i64),
            memory,
            // No swap beside it: what is beyond the limit is killed, and not slowed down.
            memory_swap: memory,
            port_bindings: Some(HashMap::from([(inside(image.port), Some(vec![binding]))])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A port as the engine names it.
fn inside(port: u16) -> String {
    format!("{port}/tcp")
}

fn new_name() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("loadtest-target-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

/// Takes away what runs that were killed have left. That it cannot be done is no reason not to run.
async fn sweep(docker: &Docker) {
    let filters = HashMap::from([("label", vec![LABEL])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = tokio::time::timeout(LONGEST_ANSWER, docker.list_containers(Some(options))).await;
    let Ok(Ok(containers)) = listed else { return };
    for container in containers {
        let owner = container.labels.and_then(|mut labels| labels.remove(LABEL));
        let is_over = container.state == Some(ContainerSummaryStateEnum::EXITED);
        let is_left = owner.as_deref().and_then(Owner::read).is_some_and(|owner| owner.is_gone());
        if let Some(id) = container.id.filter(|_| is_left || is_over) {
            let _ = remove(docker, &id).await;
        }
    }
}

/// The process that a container belongs to: its number, when it was started, and where that number counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    /// The boot of the machine, and the namespace of the number.
    place: String,
    pid: u32,
    /// In ticks since the boot: numbers are given out again.
    started: String,
}

impl Owner {
    fn this() -> Owner {
        let pid = std::process::id();
        Owner { place: place(), pid, started: started(pid).unwrap_or_default() }
    }

    fn label(&self) -> String {
        format!("{}/{}/{}", self.place, self.pid, self.started)
    }

    fn read(label: &str) -> Option<Owner> {
        let (rest, started) = label.rsplit_once('/')?;
        let (place, pid) = rest.rsplit_once('/')?;
        Some(Owner { place: place.into(), pid: pid.parse().ok()?, started: started.into() })
    }

    /// Surely so: of processes elsewhere nothing is known.
    fn is_gone(&self) -> bool {
        !self.started.is_empty() && self.place == place() && started(self.pid).as_ref() != Some(&self.started)
    }
}

fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

/// When a process was started; none where there is none.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it, in brackets, may have anything in it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

fn in_words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        error => cause(error),
    }
}

/// The cause behind the cause is what one can act on: `Permission denied`.
fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(behind) = cause.source() {
        cause = behind;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_spec() {
        let image = Image { name: "app:1".into(), port: 9000, env: vec![("A".into(), "b=c".into())] };
        let spec = Spec { name: "small".into(), cpus: 0.5, memory: 512 << 20, price: None };
        let wanted = |spec| Wanted { image: &image, arguments: vec![], spec, remedy: String::new() };
        let limited = body(&wanted(Some(&spec)));
        let host = limited.host_config.unwrap();
        assert_eq!((host.nano_cpus, host.memory), (Some(500_000_000), Some(512 << 20)));
        assert_eq!(host.memory_swap, host.memory);
        assert!(host.port_bindings.unwrap().contains_key("9000/tcp"));
        assert_eq!(limited.env, Some(vec!["A=b=c".to_owned()]));
        assert_eq!(limited.cmd, None, "the image's own");
        let free = body(&wanted(None)).host_config.unwrap();
        assert_eq!((free.nano_cpus, free.memory, free.memory_swap), (None, None, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_what_is_surely_left_behind_is_swept() {
        let this = Owner::this();
        assert_eq!(Owner::read(&this.label()), Some(this.clone()));
        assert!(!this.is_gone());
        assert!(Owner { started: "1".into(), ..this.clone() }.is_gone(), "the number was given out again");
        assert!(!Owner { place: "elsewhere".into(), started: "1".into(), ..this }.is_gone());
        assert_eq!(Owner::read("something else"), None);
    }
}
