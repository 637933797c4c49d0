# Turns within turns: groups take turns, in a group its partitions, in a partition its lanes (jobs with the same
# counters). Each is a ring of those that are in turn. What is blocked, or has nothing ready, is in no ring.
#
# Whether a group or a partition is blocked is known at once. Of a lane it is found out when its turn comes.

cdef enum State:
    SCHEDULED = 0
    READY = 1
    LEASED = 2


@cython.final
cdef class Item(Node):
    """A job. Its heap is ordered by `due` while it is scheduled, by `score` once it is ready."""
    cdef str id
    cdef object payload
    cdef Lane lane
    cdef Line line  # None: it has no gate but its counters
    cdef Gate runs
    cdef str run
    cdef bint enters  # when it is leased
    cdef bint counted  # in `runs`
    cdef long long due
    cdef long long score
    cdef long long arrival
    cdef State state


@cython.final
cdef class Group(Ring):
    cdef str name
    cdef Ring turns  # of groups
    cdef Py_ssize_t limit  # -1: none
    cdef Py_ssize_t in_use
    cdef Py_ssize_t partitions  # that exist
    cdef bint has_turn

    cdef inline bint full(self):
        return self.limit >= 0 and self.in_use >= self.limit

    cdef inline void refresh(self):
        if self.has_turn:
            return
        if self.first is not None and not self.full():
            if not self.linked:
                self.turns.append(self)
        elif self.linked:
            self.turns.remove(self)


@cython.final
cdef class Partition(Ring):
    cdef str name
    cdef Group group
    cdef Function function
    cdef Partition sibling  # the next one of the function
    cdef Lane plain  # of the jobs without counters
    cdef dict lanes  # the others, by counters
    cdef dict waits  # by gate; None: there never was any
    cdef Py_ssize_t scheduled
    cdef Py_ssize_t ready
    cdef Py_ssize_t in_use
    cdef bint calls  # whether the function's limit and pause are for these jobs
    cdef bint has_turn

    cdef inline bint paused(self):
        return self.calls and self.function.paused

    cdef inline bint full(self):
        return self.calls and self.function.calls > 0 and self.in_use >= self.function.calls

    cdef inline void refresh(self):
        if self.has_turn:
            return
        if self.first is not None and not self.paused() and not self.full():
            if not self.linked:
                self.group.append(self)
        elif self.linked:
            self.group.remove(self)
        self.group.refresh()

    cdef inline bint idle(self):
        return self.in_use == 0 and self.scheduled == 0 and self.ready == 0

    cdef Wait wait(self, Gate gate):
        """Where its lanes or lines wait at that gate."""
        cdef Wait wait = None
        if self.waits is None:
            self.waits = {}
        else:
            wait = self.waits.get(gate)
        if wait is None:
            wait = Wait.__new__(Wait)
            wait.gate = gate
            wait.partition = self
            if gate.kind != KEY:
                wait.stands = {}
            self.waits[gate] = wait
            gate.append(wait)
        return wait

    cdef inline void served(self, Gate gate):
        """It got a place there: others who wait go first."""
        cdef Wait wait
        if self.waits:
            wait = self.waits.get(gate)
            if wait is not None:
                gate.remove(wait)
                gate.append(wait)

    cdef Item take(self, long long now):
        """The next job that nothing blocks, leased; or None."""
        cdef Item item = None
        self.has_turn = True
        while item is None and self.first is not None:
            item = (<Lane>self.pop()).take(now)
        self.has_turn = False
        self.refresh()
        return item


@cython.final
cdef class Lane(Waiter):
    """Is a ring of those of its lines that have a chance."""
    cdef Partition partition
    cdef tuple counters
    cdef tuple gates  # of the counters
    cdef Heap ready  # jobs that have no gate but these
    cdef Heap lines  # that do not wait, by their first jobs; None: no line was ever there
    cdef dict lines_by_gates
    cdef Wait parked  # where it waits
    cdef Py_ssize_t jobs  # in any state

    def __cinit__(self):
        self.ready = Heap.__new__(Heap)

    cdef inline bint may_run(self):
        return self.ready.size() != 0 or (self.lines is not None and self.lines.size() != 0)

    cdef inline void refresh(self):
        if self.parked is not None:
            if not self.may_run():
                self.leave()
        elif self.may_run():
            if not self.linked:
                self.partition.append(self)
            self.partition.refresh()
        else:
            self.end_chance()  # before its partition may lose its turn
            if self.linked:
                self.partition.remove(self)
                self.partition.refresh()

    cdef void park(self, Wait wait):
        self.parked = wait
        if self.chance is wait:
            wait.prepend(self)
        else:
            wait.append(self)
        self.end_chance()

    cdef void leave(self):
        """Waits no more."""
        cdef Wait wait = self.parked
        self.parked = None
        wait.remove(self)
        wait.open()

    cdef void go(self, Wait wait):
        """There is room where it waited."""
        self.parked = None
        self.take_chance(wait)
        self.refresh()

    cdef Item take(self, long long now):
        """Its turn: the next job that nothing blocks, leased; or None."""
        cdef Gate closed = self.closed()
        cdef Item item = None
        if closed is not None:
            self.park(self.partition.wait(closed))
        else:
            item = self.next(now)
            if item is not None:
                self.lease(item, now)
            self.end_chance()
        while self.first is not None:
            (<Line>self.pop()).end_chance()
        self.refresh()
        return item

    cdef inline Gate closed(self):
        """The first of its counters that has no room; or None."""
        cdef Gate gate
        for gate in self.gates:
            if gate.full(self.partition.function):
                return gate
        return None

    cdef Item next(self, long long now):
        """The first job of those that may pass, taken out; the lines before it wait."""
        cdef Line line
        cdef Gate closed
        cdef Item item
        while self.lines is not None and self.lines.size():
            line = <Line>self.lines.top()
            if self.ready.size() and before(self.ready.top(), line):
                break
            closed = line.closed(now)
            if closed is None:
                item = <Item>line.jobs.top()
                line.take_out(item)
                return item
            line.park(self.partition.wait(closed))
        return <Item>self.ready.pop() if self.ready.size() else None

    cdef void lease(self, Item item, long long now):
        cdef Partition partition = self.partition
        cdef Gate gate
        item.state = LEASED
        partition.ready -= 1
        partition.in_use += 1
        partition.group.in_use += 1
        for gate in self.gates:
            gate.holders[item.id] = None
            partition.served(gate)
        if item.line is not None:
            item.line.pay(item, now)
            item.line.left()
            item.line = None
        if item.enters:
            item.counted = True
            item.runs.enter(item.run)
            partition.served(item.runs)

    cdef Line line(self, Gate throttle, Gate runs):
        """Of the jobs that are to pass these gates; either may be None."""
        cdef Line line
        if self.lines is None:
            self.lines = Heap.__new__(Heap)
            self.lines_by_gates = {}
        line = self.lines_by_gates.get((throttle, runs))
        if line is None:
            line = Line.__new__(Line)
            line.lane = self
            line.throttle = throttle
            line.runs = runs
            self.lines_by_gates[throttle, runs] = line
            if throttle is not None:
                throttle.users += 1
        return line


@cython.final
cdef class Line(Waiter):
    """Jobs of a lane that are to pass the same gates. Ordered among the lane's others by its first job."""
    cdef Lane lane
    cdef Gate throttle
    cdef Gate runs
    cdef Heap jobs  # that are ready
    cdef Py_ssize_t queued  # ready or scheduled
    cdef Stand parked  # where it waits
    cdef bint placed  # among its lane's lines that do not wait

    def __cinit__(self):
        self.jobs = Heap.__new__(Heap)

    cdef void put(self, Item item):
        self.jobs.push(item, item.score)
        self.settle()

    cdef void take_out(self, Item item):
        cdef Stand stand
        self.jobs.remove(item)
        if self.jobs.size():
            self.settle()
        elif self.placed:
            self.placed = False
            self.lane.lines.remove(self)
        else:
            stand = self.parked
            self.parked = None
            stand.leave(self)

    cdef void settle(self):
        """Finds its place by its first job."""
        cdef Node first = self.jobs.top()
        self.seq = first.seq
        if self.placed or self.parked is not None:
            self.key = first.key
            (self.lane.lines if self.placed else self.parked.lines).moved(self)
        else:
            self.placed = True
            self.lane.lines.push(self, first.key)

    cdef Gate closed(self, long long now):
        """What its first job cannot pass; or None."""
        cdef Function function = self.lane.partition.function
        if self.throttle is not None and self.throttle.binds(function):
            if self.throttle.opens_at(function, now) > now:
                return self.throttle
        if self.runs is not None and self.runs.full(function):
            if (<Item>self.jobs.top()).run not in self.runs.holders:
                return self.runs
        return None

    cdef void pay(self, Item item, long long now):
        cdef Function function = self.lane.partition.function
        if self.throttle is not None and self.throttle.binds(function):
            item.arrival = self.throttle.throttles.arrivals.pay(
                self.throttle.name, now, function.emission, function.cap
            )
            self.lane.partition.served(self.throttle)

    cdef void park(self, Wait wait):
        self.placed = False
        self.lane.lines.remove(self)
        self.parked = wait.stand(self.lane, self.chance is wait)
        self.parked.lines.push(self, self.key)
        if self.linked:
            self.lane.remove(self)
        self.end_chance()
        if wait.gate.kind == THROTTLE and not wait.timed:
            wait.open()

    cdef void go(self, Wait wait):
        """There is room where it waited. It has a chance unless its whole lane waits for something else."""
        self.parked = None
        self.settle()
        if self.lane.parked is None:
            self.take_chance(wait)
            self.lane.append(self)
            self.lane.refresh()

    cdef void left(self):
        """One of its jobs is no longer queued."""
        self.queued -= 1
        if self.queued == 0:
            del self.lane.lines_by_gates[self.throttle, self.runs]
            if self.throttle is not None:
                self.throttle.release()
