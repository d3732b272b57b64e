//! Four workers under load, of which any is killed again and again; then what boto3 and psql see: nothing lost, nothing
//! done twice.

use std::collections::BTreeSet;

use konductor_tests::{AwsAccount, PostgreSqlServer, Project, Running, Signal};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};

const WORKERS: usize = 4;
const STACKS: usize = 9;
/// How often a worker is killed.
const KILLS: usize = 8;

struct Team {
    server: PostgreSqlServer,
    account: AwsAccount,
}

impl Team {
    /// A machine with the project on it. Every third stack reads the one before it.
    fn machine(&self) -> Project {
        let machine = Project::empty().with_account(&self.account);
        machine.write(
            "konductor.yaml",
            &format!(
                "name: loop\nstate: {{ backend: postgresql, url: \"{}\" }}\nworkers: {{ lease: 4s, attempts: 100 }}\n",
                self.server.url()
            ),
        );
        for stack in 0..STACKS {
            let after = match stack % 3 {
                2 => format!("{{ After: \"${{stack:stack-{}.vpc}}\" }}", stack - 1),
                _ => "{ After: nothing }".to_owned(),
            };
            machine.write(
                &format!("konductor.stack-{stack}.yaml"),
                &format!(
                    "config: {{ aws: {{ enabled: true, region: us-west-2 }} }}
resources:
  network:
    type: aws:ec2:Vpc
    properties: {{ cidr_block: 10.{stack}.0.0/16, tags: {after} }}
  subnet:
    type: aws:ec2:Subnet
    properties: {{ vpc_id: \"${{network.vpc_id}}\", cidr_block: 10.{stack}.1.0/24 }}
  store:
    type: aws:s3:Bucket
    properties: {{ bucket: loop-store-{stack} }}
outputs: {{ vpc: \"${{network.id}}\" }}
"
                ),
            );
        }
        machine
    }

    /// Returns the workers that have something, and how much of everything is in the logs.
    fn look(&self) -> (BTreeSet<String>, usize, usize) {
        let seen = self.server.query(
            "SELECT coalesce(string_agg(worker, ',') FILTER (WHERE state = 'running'), ''),
                 (SELECT count(*) FROM konductor_segment), count(*) FILTER (WHERE state IN ('waiting', 'running'))
             FROM konductor_work",
        );
        let columns: Vec<&str> = seen.split('|').collect();
        let names = columns[0].split(',').filter(|name| !name.is_empty());
        (
            names.map(str::to_owned).collect(),
            columns[1].parse().unwrap(),
            columns[2].parse().unwrap(),
        )
    }
}

/// A worker, its machine, and the name that the queue knows it by.
struct Worker {
    name: String,
    machine: Project,
    process: Running,
}

impl Worker {
    fn join(machine: Project, number: usize) -> Self {
        let name = format!("worker-{number}");
        let process = machine.start(["worker", "--json", "--stacks-at-once", "2", "--name", &name]);
        Self {
            name,
            machine,
            process,
        }
    }

    /// Kills it, and with it the processes that do its work where its whole machine is to fail. Returns its machine.
    fn kill(self, with_children: bool) -> Project {
        // It starts no other process from here on.
        self.process.signal(Signal::STOP);
        if with_children {
            for child in children(self.process.process()) {
                // Failing means that it has just ended.
                let _ = kill_process(Pid::from_raw(child).unwrap(), Signal::KILL);
            }
        }
        self.process.signal(Signal::KILL);
        let killed = self.process.finish();
        assert_eq!(killed.signal, Some(9), "{killed}");
        self.machine
    }
}

/// Returns the processes that a process started.
fn children(process: u32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok())
        .flat_map(|children| {
            let numbers = children.split_whitespace().map(|child| child.parse().unwrap());
            numbers.collect::<Vec<i32>>()
        })
        .collect()
}

/// A sequence that looks like chance and is the same in every run.
fn drawn(state: &mut u64, below: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % below
}

#[test]
fn any_of_four_workers_is_killed_in_a_loop_and_nothing_is_lost_or_done_twice() {
    let team = Team {
        server: PostgreSqlServer::open(),
        account: AwsAccount::open(),
    };
    let desk = team.machine();
    // The plugin is compiled once for all, before anybody is killed over it.
    desk.run(["catalog", "show", "aws:ec2:Vpc", "--stack", "stack-0"])
        .succeeds();
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|number| Worker::join(team.machine(), number))
        .collect();
    let mut following = desk.start(["run", "--all", "--yes", "--workers", "--json"]);
    following.wait_for_event("work-submitted");
    // The first who has anything to write makes the tables of the logs.
    while team
        .server
        .query("SELECT to_regclass('konductor_segment') IS NULL")
        == "t"
    {}
    let mut chance = 20;
    let (mut kills, mut entries) = (0, 0);
    while kills < KILLS {
        // A few entries further than at the last kill: somewhere in the middle of things.
        let until = entries + drawn(&mut chance, 6);
        let (busy, seen) = loop {
            let (busy, seen, open) = team.look();
            if open == 0 || (seen >= until && !busy.is_empty()) {
                break (busy, seen);
            }
        };
        let mut candidates: Vec<usize> = (0..WORKERS)
            .filter(|place| busy.contains(&workers[*place].name))
            .collect();
        if candidates.is_empty() {
            // All of it is done, or those who had it are dead and nobody else has it yet.
            if team.look().2 == 0 {
                break;
            }
            continue;
        }
        let place = candidates.swap_remove(drawn(&mut chance, candidates.len()));
        // Every second time its work lives on without it, and gets in the way of whoever takes it over.
        let victim = workers.remove(place);
        let machine = victim.kill(kills % 2 == 0);
        kills += 1;
        entries = seen;
        workers.insert(place, Worker::join(machine, WORKERS + kills));
    }
    eprintln!("{kills} kills");
    assert!(
        kills >= KILLS / 2,
        "only {kills} kills before everything was done"
    );
    let finished = following.finish().succeeds();
    let ended = finished.events();
    let ended = ended
        .iter()
        .rfind(|event| event["event"] == "stacks-finished")
        .unwrap();
    let exits: Vec<&Value> = ended["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stack| &stack["exit"])
        .collect();
    assert_eq!(exits, [0; STACKS]);

    // Every stack has what it declares, once, and nothing else is there.
    assert_eq!(
        team.account.counts(),
        json!({ "vpcs": STACKS, "subnets": STACKS, "buckets": STACKS }),
        "{:#}",
        team.account.contents()
    );
    assert_eq!(
        team.server.query(&format!(
            "SELECT count(*) FROM konductor_work WHERE state = 'succeeded' AND stack LIKE 'stack-%' AND id <= {STACKS}"
        )),
        STACKS.to_string()
    );
    let again = team
        .server
        .query("SELECT count(*) FROM konductor_work WHERE attempts > 1");
    assert_ne!(again, "0", "nothing was taken over");
    assert_eq!(
        team.server
            .query("SELECT count(*) FROM konductor_stack WHERE holder IS NOT NULL"),
        "0",
        "no lock is left"
    );
    // From a machine that had no part in it: every log is whole, and there is nothing to do.
    let stranger = team.machine();
    for stack in 0..STACKS {
        stranger
            .run(["log", "verify", "--stack", &format!("stack-{stack}")])
            .succeeds();
    }
    desk.run(["plan", "--all", "--workers", "--detailed-exitcode"])
        .ends_with(0);
    for worker in workers {
        worker.process.signal(Signal::TERM);
        worker.process.finish().succeeds();
    }
}
