#!/usr/bin/env python3
"""How long until every node of a fleet knows of a revocation, and what that costs the database and Redis (docs/scale.md).

    bench/simulate_fleet.py [--nodes N,N…] [--revocations R,R…] [--seconds S] [--seed S] [--way poll|notify|redis]… [--json]

What is simulated is what the nodes do (src/cli/keeper.h, src/identity/identity.c, src/shared/channel_trust.h):

poll    each node looks into the database 250 ms after its last look ended, and reads all that was written in the last
        minute: transactions become visible in another order than that of the times in their rows.
notify  the same, and a commit wakes every other node (LISTEN/NOTIFY): it looks at once, but rests 20 ms and nine times as
        long as the last look took.
redis   each revocation is a message to all nodes; each node sends a beat every 125 ms, to all; and looks as in `poll`.

The database is a number of cores that serve looks in their order; Redis is one. Everything else (network, the commit
itself) is a constant. Costs are of the machine that docs/scale.md names; give your own. The same seed gives the same
figures.
"""
import argparse
import heapq
import json
import random
import sys
from dataclasses import asdict, dataclass, field

WATCH_S, REST_S, WINDOW_S, BEAT_S, FRESH_S = 0.250, 0.020, 60.0, 0.125, 0.750
REST_LOOKS = 9  # rests that many times as long as a look took
WAYS = ("poll", "notify", "redis")
TICK, LOOK_END, REVOKE = range(3)


@dataclass(frozen=True)
class Costs:
    database_cores: int = 4
    look_s: float = 300e-6      # of the database's CPU, for a look that finds nothing (measured)
    row_s: float = 0.45e-6      # more, for each row of the last minute that it reads (measured)
    rows: int = 2               # that a revocation writes: the denial, the change of the user
    commit_s: float = 1e-3      # until a revocation is durable (assumed, as the rest)
    network_s: float = 0.5e-3   # one way
    publish_s: float = 5e-6     # of Redis' CPU, for a message,
    deliver_s: float = 1.5e-6   # and for each node that it goes to


@dataclass
class Result:
    way: str
    nodes: int
    revocations_per_s: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    unknown: int = 0            # not everywhere when the simulation ended, although they had a second
    looks_per_s: float = 0.0
    rows_per_s: float = 0.0     # read from the database
    database_busy: float = 0.0  # of its cores
    stale: float = 0.0          # of the time, nodes can't rely on their memory: every request asks the database
    messages_per_s: float = 0.0
    deliveries_per_s: float = 0.0
    redis_busy: float = 0.0


@dataclass
class Node:
    next_turn: float
    look_after: float = 0.0     # not before, when woken
    is_looking: bool = False
    is_woken: bool = False
    seen: int = 0               # revocations, in the order of their commits
    known_at: float = 0.0       # when the look began that it relies on
    scheduled: float = field(default=float("inf"))


class Fleet:
    def __init__(self, way, nodes, rate, seconds, seed, costs):
        self.way, self.rate, self.seconds, self.costs = way, rate, seconds, costs
        self.random = random.Random(f"{seed} {way} {nodes} {rate}")
        self.nodes = [Node(next_turn=self.random.uniform(0, WATCH_S)) for _ in range(nodes)]
        self.events, self.serial = [], 0
        self.cores = [0.0] * costs.database_cores
        self.commits = []        # times, ascending
        self.owners = []         # who acknowledged it, and so knew at once
        self.ignorant = []       # nodes that do not know yet, by revocation
        self.known = []          # when all knew, by revocation; None: not yet
        self.redis_free = self.redis_work = self.work = self.stale_s = 0.0
        self.looks = self.rows = self.messages = 0
        self.before = rate * WINDOW_S * costs.rows  # rows of the minute before the simulation begins

    def at(self, time, kind, node=0, what=None):
        self.serial += 1
        heapq.heappush(self.events, (time, self.serial, kind, node, what))

    # --- looks ---------------------------------------------------------------------------------------------------

    def schedule(self, index, time):
        node = self.nodes[index]
        if not node.is_looking and time < node.scheduled:
            node.scheduled = time
            self.at(time, TICK, index)

    def rows_in_window(self, now):
        old = self.before * max(0.0, 1 - now / WINDOW_S)
        first = 0 if now <= WINDOW_S else _count_until(self.commits, now - WINDOW_S)
        return old + (_count_until(self.commits, now) - first) * self.costs.rows

    def begin_look(self, index, now):
        node = self.nodes[index]
        node.is_looking, node.is_woken, node.scheduled = True, False, float("inf")
        core = min(range(len(self.cores)), key=self.cores.__getitem__)
        begins = max(now + self.costs.network_s, self.cores[core])
        rows = self.rows_in_window(begins)
        takes = self.costs.look_s + rows * self.costs.row_s
        self.cores[core] = begins + takes
        self.looks += 1
        self.rows += rows
        self.work += takes
        self.at(begins + takes + self.costs.network_s, LOOK_END, index, (now, begins))

    def end_look(self, index, now, began, snapshot):
        node = self.nodes[index]
        node.is_looking = False
        self.stale_s += max(0.0, now - max(node.known_at + FRESH_S, 0.0))
        node.known_at = began
        until = _count_until(self.commits, snapshot)
        for revocation in range(node.seen, until):
            if self.owners[revocation] != index:
                self.learn(revocation, now)
        node.seen = max(node.seen, until)
        node.next_turn = now + WATCH_S
        node.look_after = now + max(REST_S, REST_LOOKS * (now - began))
        self.schedule(index, min(node.next_turn, node.look_after) if node.is_woken else node.next_turn)

    def learn(self, revocation, now):
        self.ignorant[revocation] -= 1
        if self.ignorant[revocation] == 0 and self.known[revocation] is None:
            self.known[revocation] = now

    # --- revocations ---------------------------------------------------------------------------------------------

    def revoke(self, index, now):
        """`now` is the commit: the answer leaves, the node itself knows."""
        self.commits.append(now)
        self.owners.append(index)
        self.ignorant.append(len(self.nodes) - 1)
        self.known.append(None if len(self.nodes) > 1 else now)
        if self.way == "redis" and len(self.nodes) > 1:
            self.known[-1] = self.publish(now) + self.costs.network_s
        elif self.way == "notify":
            for other, node in enumerate(self.nodes):
                if other != index and not node.is_woken:
                    node.is_woken = True
                    heard = now + self.costs.network_s
                    self.schedule(other, min(max(heard, node.look_after), max(heard, node.next_turn)))
        self.at(now + self.random.expovariate(self.rate), REVOKE, self.random.randrange(len(self.nodes)))

    def publish(self, now):
        """When the last node's copy has left Redis."""
        takes = self.costs.publish_s + len(self.nodes) * self.costs.deliver_s
        self.redis_free = max(now + self.costs.network_s, self.redis_free) + takes
        self.redis_work += takes
        self.messages += 1
        return self.redis_free

    # --- the whole -----------------------------------------------------------------------------------------------

    def beats(self):
        """All beats of the simulation, as the load that they are to Redis."""
        phases = sorted(self.random.uniform(0, BEAT_S) for _ in self.nodes)
        turn = 0.0
        while turn < self.seconds:
            yield from (turn + phase for phase in phases)
            turn += BEAT_S

    def run(self):
        for index, node in enumerate(self.nodes):
            node.known_at = node.next_turn - WATCH_S
            self.schedule(index, node.next_turn)
        self.at(self.random.expovariate(self.rate) + self.costs.commit_s, REVOKE, self.random.randrange(len(self.nodes)))
        beats = self.beats() if self.way == "redis" else iter(())
        beat = next(beats, None)
        while self.events and self.events[0][0] < self.seconds:
            now, _, kind, index, what = heapq.heappop(self.events)
            while beat is not None and beat <= now:
                self.publish(beat)
                beat = next(beats, None)
            if kind == REVOKE:
                self.revoke(index, now)
            elif kind == LOOK_END:
                self.end_look(index, now, *what)
            elif self.nodes[index].scheduled == now:
                self.begin_look(index, now)
        return self.result()

    def result(self):
        took = sorted((known - commit) * 1000 for commit, known in zip(self.commits, self.known) if known is not None)
        unknown = sum(known is None and commit < self.seconds - 1 for commit, known in zip(self.commits, self.known))
        result = Result(self.way, len(self.nodes), self.rate, unknown=unknown)
        if took:
            result.p50_ms, result.max_ms = took[len(took) // 2], took[-1]
            result.p99_ms = took[min(len(took) - 1, len(took) * 99 // 100)]
        result.looks_per_s = self.looks / self.seconds
        result.rows_per_s = self.rows / self.seconds
        result.database_busy = min(1.0, self.work / self.seconds / len(self.cores))
        stale_s = self.stale_s + sum(max(0.0, self.seconds - node.known_at - FRESH_S) for node in self.nodes)
        result.stale = min(1.0, stale_s / self.seconds / len(self.nodes))
        result.messages_per_s = self.messages / self.seconds
        result.deliveries_per_s = result.messages_per_s * len(self.nodes)
        result.redis_busy = self.redis_work / self.seconds
        return result


def _count_until(times, until):
    """How many of the ascending times are not after `until`: from the end, where they nearly always are."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= until:
            low = middle + 1
        else:
            high = middle
    return low


def simulate(way, nodes, rate, seconds=20.0, seed=1, costs=Costs()):
    return Fleet(way, nodes, rate, seconds, seed, costs).run()


HEAD = ("way", "nodes", "revocations/s", "all know: p50", "p99", "max", "looks/s", "rows read/s", "database busy",
        "stale", "messages/s", "deliveries/s", "Redis busy")


def cells(result):
    late = f" ({result.unknown} never)" if result.unknown else ""
    return (result.way, f"{result.nodes:,}", f"{result.revocations_per_s:g}", f"{result.p50_ms:,.0f} ms",
            f"{result.p99_ms:,.0f} ms", f"{result.max_ms:,.0f} ms{late}", f"{result.looks_per_s:,.0f}",
            f"{result.rows_per_s:,.0f}", f"{result.database_busy:.0%}", f"{result.stale:.0%}",
            f"{result.messages_per_s:,.0f}", f"{result.deliveries_per_s:,.0f}", f"{result.redis_busy:.0%}")


def table(results):
    lines = [HEAD, tuple("---" for _ in HEAD), *map(cells, results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def numbers(kind):
    def read(text):
        values = [kind(part) for part in text.split(",")]
        if any(not 0 < value < 1e6 for value in values):
            raise ValueError(text)
        return values
    return read


def main():
    parser = argparse.ArgumentParser(description="Revocations in a fleet of nodes, simulated.")
    parser.add_argument("--nodes", type=numbers(int), default=[3, 10, 30, 100], help="[3,10,30,100]")
    parser.add_argument("--revocations", type=numbers(float), default=[1, 10, 100], help="a second, of all [1,10,100]")
    parser.add_argument("--seconds", type=float, default=20.0, help="[20]")
    parser.add_argument("--seed", default="1", help="[1]")
    parser.add_argument("--way", action="append", choices=WAYS, help="[all]")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    for name, value in asdict(Costs()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), default=value, help=f"[{value:g}]")
    options = parser.parse_args()
    costs = Costs(**{name: getattr(options, name) for name in asdict(Costs())})
    results = [simulate(way, nodes, rate, options.seconds, options.seed, costs)
               for way in options.way or WAYS for rate in options.revocations for nodes in options.nodes]
    if options.json:
        print("\n".join(json.dumps(asdict(result)) for result in results))
    else:
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
