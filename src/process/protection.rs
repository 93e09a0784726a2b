//! What confines a program: namespaces, Landlock, seccomp, capabilities and limits, each as far as the kernel allows.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, UnshareFlags};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::{Limits, Order, Protection};

/// What became of the attempt to enter namespaces.
pub(super) enum Namespaces {
    /// The next child is first process of a PID namespace without a network; their names.
    Entered(String),
    /// The kernel refused, and nothing has changed.
    Refused(String),
    /// A user namespace was entered, but without identity in it: the process is of no use now.
    Unusable(String),
}

/// Devices that programs write to without a thought.
const DEVICES: [&str; 6] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Enters new network, PID, IPC and host name namespaces: as root directly, else through a user
/// namespace in which the user keeps its own number.
#[expect(deprecated, reason = "unshare is only unsound with CLONE_FILES, which is not used")]
pub(super) fn enter_namespaces() -> Namespaces {
    let wanted = UnshareFlags::NEWNET
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWNS;
    if rustix::process::geteuid().is_root() && rustix::thread::unshare(wanted).is_ok() {
        return Namespaces::Entered("network, PID, IPC, mount and host name namespaces".to_owned());
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if let Err(error) = rustix::thread::unshare(wanted | UnshareFlags::NEWUSER) {
        return Namespaces::Refused(format!("the kernel refuses new namespaces: {error}"));
    }
    let mapped = std::fs::write("/proc/self/setgroups", "deny").and_then(|()| {
        let (user, group) = (user.as_raw(), group.as_raw());
        std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))
            .and_then(|()| std::fs::write("/proc/self/gid_map", format!("{group} {group} 1")))
    });
    match mapped {
        Ok(()) => Namespaces::Entered(
            "user, network, PID, IPC, mount and host name namespaces".to_owned(),
        ),
        Err(error) => Namespaces::Unusable(format!("the kernel refuses a user namespace: {error}")),
    }
}

/// Confines this process and all it will start. What the kernel refuses is reported, not fatal.
pub(super) fn confine(order: &Order, namespaces: &Result<String, String>) -> Vec<Protection> {
    let own_proc = namespaces.is_ok() && mount_own_proc();
    let limits = set_limits(&order.limits);
    let privileges = drop_privileges();
    let filesystem = restrict_files(order, namespaces.is_err());
    let calls = filter_calls(namespaces.is_err());
    let network = match (namespaces, &calls) {
        (Ok(names), _) => Ok(names.clone()),
        (Err(why), Ok(_)) => Ok(format!("seccomp refuses sockets but local ones ({why})")),
        (Err(why), Err(error)) => Err(format!("{why}; {error}")),
    };
    let processes = match (namespaces, own_proc) {
        (Ok(_), true) => "PID namespace with its own /proc: others are not seen, all end together",
        (Ok(_), false) => "PID namespace: all end together; others are seen in /proc",
        (Err(_), _) => "subreaper: orphans are found and killed; others are seen in /proc",
    };
    vec![
        protection("network", network),
        protection("processes", Ok(processes.to_owned())),
        protection("filesystem", filesystem),
        protection("privileges", privileges),
        protection("system_calls", calls),
        protection("resources", limits),
        protection("environment", Ok("only named variables are passed on".to_owned())),
    ]
}

/// Shows the processes of the PID namespace in /proc, and no others. Nothing of it is seen outside
/// the mount namespace: for that the mount below it must be private. The root need not be a mount:
/// in a chroot it is none.
fn mount_own_proc() -> bool {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount_change("/proc", MountPropagationFlags::PRIVATE).is_ok()
        && rustix::mount::mount("proc", "/proc", "proc", flags, None::<&CStr>).is_ok()
}

fn protection(name: &str, result: Result<String, String>) -> Protection {
    let (in_force, detail) = match result {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    Protection { name: name.to_owned(), in_force, detail }
}

fn set_limits(limits: &Limits) -> Result<String, String> {
    let wanted = [
        (Resource::Data, limits.memory_bytes, "memory"),
        (Resource::Nproc, limits.processes, "processes"),
        (Resource::Fsize, limits.file_bytes, "file size"),
        (Resource::Core, Some(0), "core dumps"),
    ];
    let mut set = Vec::new();
    for (resource, value, name) in wanted {
        let Some(value) = value else { continue };
        // A limit can only be lowered: one that is lower already stays.
        let hard = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let value = Some(value.min(hard));
        rustix::process::setrlimit(resource, Rlimit { current: value, maximum: value })
            .map_err(|error| format!("the limit on {name} is refused: {error}"))?;
        set.push(name);
    }
    Ok(format!("limits on {}", set.join(", ")))
}

/// Capabilities that a restore as root may need, on files and on its own processes.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID);

fn drop_privileges() -> Result<String, String> {
    let mut dropped = false;
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        // Only root holds any; others have nothing to drop and need not be able to.
        dropped |= rustix::thread::remove_capability_from_bounding_set(capability).is_ok();
    }
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("no_new_privs is refused: {error}"))?;
    Ok(if dropped { "no_new_privs, capabilities dropped" } else { "no_new_privs" }.to_owned())
}

/// Read-only everywhere but below the writable places; no signals to processes outside.
fn restrict_files(order: &Order, restrict_network: bool) -> Result<String, String> {
    let abi = ABI::V6;
    let writable: Vec<PathBuf> = order.writable.iter().map(PathBuf::from).collect();
    let restrict = || {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .scope(Scope::from_all(abi))?;
        if restrict_network {
            ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
        }
        let device =
            AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev | AccessFs::ReadFile;
        ruleset
            .create()?
            .add_rules(path_beneath_rules(["/"], AccessFs::from_read(abi)))?
            .add_rules(path_beneath_rules(DEVICES, device))?
            .add_rules(path_beneath_rules(&writable, AccessFs::from_all(abi)))?
            .restrict_self()
    };
    match restrict() {
        Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
            Err("the kernel has no Landlock".to_owned())
        }
        Ok(_) => Ok("Landlock: read-only outside the output".to_owned()),
        Err(error) => Err(format!("Landlock is refused: {error}")),
    }
}

/// System calls that no restore needs and that widen what a program can reach.
const REFUSED_CALLS: [libc::c_long; 30] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_userfaultfd,
    // Reaches files and sockets past the other rules.
    libc::SYS_io_uring_setup,
    libc::SYS_open_by_handle_at,
];

/// System calls that signal or limit the process in their first argument.
const SIGNALLING_CALLS: [libc::c_long; 7] = [
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_prlimit64,
];

/// Keeps the program from ending its supervisor, alone or with all processes at once. Inside a PID
/// namespace the kernel does that by itself.
fn protect_supervisor(
    rules: &mut BTreeMap<i64, Vec<SeccompRule>>,
) -> Result<(), seccompiler::BackendError> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let group = rustix::process::getpgrp().as_raw_nonzero().get();
    for call in SIGNALLING_CALLS {
        for target in [own, -group, -1] {
            let target = u64::from(target.cast_unsigned());
            let equal =
                SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, target)?;
            rules.entry(call).or_default().push(SeccompRule::new(vec![equal])?);
        }
    }
    Ok(())
}

fn filter_calls(no_namespaces: bool) -> Result<String, String> {
    let build = || -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            REFUSED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
        if no_namespaces {
            protect_supervisor(&mut rules)?;
            let local = u64::try_from(libc::AF_UNIX).unwrap_or(1);
            let not_local =
                SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, local)?;
            rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![not_local])?]);
        }
        let refuse = SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1));
        let target = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, target)?.try_into()
    };
    let program = build().map_err(|error| format!("the filter cannot be built: {error}"))?;
    seccompiler::apply_filter(&program).map_err(|error| format!("seccomp is refused: {error}"))?;
    Ok("seccomp: no mounts, namespaces, tracing, modules or keys".to_owned())
}
