from types import GenericAlias


@cython.final
cdef class FairQueue:
    cdef dict _items
    cdef dict _groups
    cdef dict _partitions
    cdef dict _functions
    cdef dict _keys, _rates, _runs  # gates
    cdef Throttles _throttles
    cdef Heap _scheduled
    cdef Ring _turns
    cdef long long _seq

    def __cinit__(self):
        self._items = {}
        self._groups = {}
        self._partitions = {}
        self._functions = {}
        self._keys = {}
        self._rates = {}
        self._runs = {}
        self._throttles = Throttles()
        self._scheduled = Heap()
        self._turns = Ring()

    @classmethod
    def __class_getitem__(cls, payload):
        return GenericAlias(cls, payload)

    def __len__(self):
        return len(self._items)

    def __contains__(self, id):
        return id in self._items

    def add(self, str id not None, str partition not None, str group not None, str function not None,
            long long due, long long score, payload, long long now, tuple counters=(), str throttle="",
            str run_counter="", str run="", bint entering=False, bint under_way=False):
        if id in self._items:
            return False
        self.put(id, partition, group, function, due, score, payload, now, counters, throttle,
                 run_counter, run, entering, under_way, None)
        return True

    def requeue(self, str id not None, str partition not None, str group not None, str function not None,
                long long due, long long score, payload, long long now, tuple counters=(), str throttle="",
                str run_counter="", str run="", bint entering=False, bint under_way=False):
        cdef Item old = self._items.pop(id, None)
        if old is not None:
            self.free(old)
        self.put(id, partition, group, function, due, score, payload, now, counters, throttle,
                 run_counter, run, entering, under_way, old)
        if old is not None:
            self.forget(old)

    def lease(self, Py_ssize_t n, long long now, dict arrivals=None):
        cdef list out = []
        cdef Group group
        cdef Item item
        self.promote(now)
        while len(out) < n and self._turns.first is not None:
            group = <Group>self._turns.pop()
            group.has_turn = True
            item = None
            while item is None and group.first is not None:
                item = (<Partition>group.pop()).take(now)
            group.has_turn = False
            group.refresh()
            if item is not None:
                if item.arrival and arrivals is not None:
                    arrivals[len(out)] = item.arrival
                out.append(item.payload)
        return out

    def done(self, str id not None, followed_by=()):
        cdef Item item = self._items.get(id)
        cdef bint was_leased = item is not None and item.state == LEASED
        if was_leased:
            del self._items[id]
            self.free(item)
        for job in followed_by:
            self.add(*job)
        if was_leased:
            self.forget(item)
        return was_leased

    def drop(self, str id not None):
        cdef Item item = self._items.pop(id, None)
        if item is None:
            return False
        self.free(item)
        self.forget(item)
        return True

    def promote(self, long long now):
        cdef Throttles throttles = self._throttles
        cdef bint went_back = now < throttles.now
        cdef Item item
        cdef Gate gate
        cdef Wait wait
        throttles.now = now
        while self._scheduled.size() and self._scheduled.top().key <= now:
            item = <Item>self._scheduled.pop()
            item.lane.partition.scheduled -= 1
            self.make_ready(item)
        if went_back:
            for gate in list(self._rates.values()):
                gate.open()
        elif throttles.openings.size() and throttles.openings.top().key <= now:
            opened = []
            while throttles.openings.size() and throttles.openings.top().key <= now:
                wait = <Wait>throttles.openings.pop()
                wait.timed = False
                opened.append((wait.key, wait.gate.name, wait.partition.name, wait))
            opened.sort()
            for _, _, _, wait in opened:
                wait.open()

    def next_due(self):
        cdef Heap openings = self._throttles.openings
        if not openings.size():
            return self._scheduled.top().key if self._scheduled.size() else None
        if not self._scheduled.size():
            return openings.top().key
        return min(self._scheduled.top().key, openings.top().key)

    def limit_group(self, str name not None, limit):
        cdef Group group = self.group(name)
        group.limit = -1 if limit is None else limit
        group.refresh()
        self.forget_group(group)

    def limit_function(self, str name not None, long long now, Py_ssize_t calls=0, dict rules not None={},
                       str rate=None, long long emission=0, long long cap=0, bint paused=False):
        cdef Function function = self.function(name)
        cdef Partition partition
        cdef Wait wait
        if (
            function.calls == calls and (function.rules or {}) == rules and function.rate == rate
            and function.emission == emission and function.cap == cap and function.paused == paused
        ):
            self.forget_function(function)
            return
        function.calls = calls
        function.rules = dict(rules) if rules else None
        function.rate = rate
        function.emission = emission
        function.cap = cap
        function.paused = paused
        self._throttles.now = max(now, self._throttles.now)
        partition = function.first
        while partition is not None:
            partition.refresh()
            if partition.waits:
                for wait in list(partition.waits.values()):
                    wait.open()
            partition = partition.sibling
        self.forget_function(function)

    def restore_throttles(self, arrivals, long long now):
        cdef Gate gate
        self._throttles.now = max(now, self._throttles.now)
        for name, arrival in arrivals.items():
            self._throttles.arrivals.restore(name, arrival)
            gate = self._rates.get(name)
            if gate is not None:
                gate.open()

    def explain(self, str id not None, Py_ssize_t holders_shown=10):
        cdef Item item = self._items.get(id)
        return None if item is None else place_of(item, self._throttles.now, holders_shown)

    def depth(self):
        cdef Partition partition
        return {
            partition.name: (partition.scheduled, partition.ready, partition.in_use)
            for partition in self._partitions.values()
        }

    def oldest_ready(self):
        cdef Partition partition
        oldest = None
        for partition in self._partitions.values():
            due = oldest_of(partition, self._throttles.now)
            if due is not None and (oldest is None or due < oldest):
                oldest = due
        return oldest

    # Within the module

    cdef void put(self, str id, str partition, str group, str function, long long due, long long score,
                  payload, long long now, tuple counters, str throttle, str run_counter, str run,
                  bint entering, bint under_way, Item old):
        cdef bint passes = False  # a run that has its place must not wait behind one that has none
        cdef Item item = Item.__new__(Item)
        cdef Lane lane = self.lane(self.partition(partition, group, function), counters)
        self._seq += 1
        item.id = id
        item.payload = payload
        item.due = due
        item.score = score
        item.seq = self._seq
        item.lane = lane
        lane.jobs += 1
        self._items[id] = item
        if run_counter:
            item.runs = self.gate(self._runs, RUNS, run_counter)
            item.runs.users += 1
            item.run = run
            item.enters = entering
            passes = entering and self.is_live_without(item.runs, run, old)
            if under_way:
                item.counted = True
                item.runs.enter(run)
        if throttle or (item.enters and not passes):
            item.line = lane.line(
                self.gate(self._rates, THROTTLE, throttle) if throttle else None,
                item.runs if item.enters and not passes else None,
            )
            item.line.queued += 1
        if due <= now:
            self.make_ready(item)
        else:
            item.state = SCHEDULED
            lane.partition.scheduled += 1
            self._scheduled.push(item, due)

    cdef inline bint is_live_without(self, Gate runs, str run, Item old):
        """Whether a run has its place by other jobs than that one, which is about to be forgotten."""
        cdef Py_ssize_t jobs = runs.holders.get(run, 0)
        if old is not None and old.counted and old.runs is runs and old.run == run:
            jobs -= 1
        return jobs > 0

    cdef void make_ready(self, Item item):
        item.state = READY
        item.lane.partition.ready += 1
        if item.line is None:
            item.lane.ready.push(item, item.score)
        else:
            item.line.put(item)
        item.lane.refresh()

    cdef void free(self, Item item):
        """Takes a job out of where it stands, and lets others have its places but for that of its run."""
        cdef Lane lane = item.lane
        cdef Partition partition = lane.partition
        cdef Gate gate
        if item.state == LEASED:
            partition.in_use -= 1
            partition.group.in_use -= 1
            partition.refresh()
            for gate in lane.gates:
                gate.holders.pop(item.id, None)  # one may be there twice
                gate.open()
            return
        if item.state == SCHEDULED:
            partition.scheduled -= 1
            self._scheduled.remove(item)
        else:
            partition.ready -= 1
            if item.line is None:
                lane.ready.remove(item)
            else:
                item.line.take_out(item)
                if item.line.jobs.size() == 0 and item.line.chance is not None:
                    lane.remove(item.line)
                    item.line.end_chance()
            lane.refresh()
        if item.line is not None:
            item.line.left()

    cdef void forget(self, Item item):
        """Its run has one job less here, and what was there for its sake is gone."""
        cdef Lane lane = item.lane
        cdef Gate gate
        if item.runs is not None:
            if item.counted:
                item.runs.leave(item.run)
            item.runs.release()
        lane.jobs -= 1
        if lane.jobs == 0 and lane.gates:
            del lane.partition.lanes[lane.counters]
            for gate in lane.gates:
                gate.release()
        self.forget_partition(lane.partition)

    cdef inline void forget_partition(self, Partition partition):
        if partition.idle():
            del self._partitions[partition.name]
            partition.plain = None
            partition.function.has_no_more(partition)
            self.forget_function(partition.function)
            partition.group.partitions -= 1
            self.forget_group(partition.group)

    cdef inline void forget_function(self, Function function):
        if function.first is None and not (
            function.calls or function.rules or function.rate or function.paused
        ):
            del self._functions[function.name]

    cdef inline void forget_group(self, Group group):
        if group.partitions == 0 and group.limit < 0:
            del self._groups[group.name]

    cdef inline Partition partition(self, str name, str group_name, str function):
        cdef Partition partition = self._partitions.get(name)
        if partition is None:
            partition = Partition.__new__(Partition)
            partition.name = name
            partition.calls = name == function
            partition.function = self.function(function)
            partition.function.has(partition)
            partition.plain = Lane.__new__(Lane)
            partition.plain.partition = partition
            partition.plain.gates = ()
            partition.group = self.group(group_name)
            partition.group.partitions += 1
            self._partitions[name] = partition
        return partition

    cdef inline Function function(self, str name):
        cdef Function function = self._functions.get(name)
        if function is None:
            function = Function.__new__(Function)
            function.name = name
            self._functions[name] = function
        return function

    cdef inline Group group(self, str name):
        cdef Group group = self._groups.get(name)
        if group is None:
            group = Group.__new__(Group)
            group.name = name
            group.limit = -1
            group.turns = self._turns
            self._groups[name] = group
        return group

    cdef inline Lane lane(self, Partition partition, tuple counters):
        cdef Lane lane
        cdef Gate gate
        if not counters:
            return partition.plain
        if partition.lanes is None:
            partition.lanes = {}
        lane = partition.lanes.get(counters)
        if lane is None:
            lane = Lane.__new__(Lane)
            lane.partition = partition
            lane.counters = counters
            lane.gates = tuple([self.gate(self._keys, KEY, counter) for counter in counters])
            for gate in lane.gates:
                gate.users += 1
            partition.lanes[counters] = lane
        return lane

    cdef Gate gate(self, dict known, Kind kind, str name):
        cdef Gate gate = known.get(name)
        if gate is None:
            gate = Gate.__new__(Gate)
            gate.kind = kind
            gate.name = name
            gate.rule = name.partition("/")[0]
            gate.holders = {}
            gate.throttles = self._throttles
            gate.known = known
            known[name] = gate
        return gate
