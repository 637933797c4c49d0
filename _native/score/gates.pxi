# What a job has to pass before it is leased: keyed limits, throttles, limits on live runs. Whoever finds one
# closed waits there, in no turn, until it is let go.
#
# Whoever is let go is back in its turn, and has the chance until that turn is over: it may take the place, find
# the gate closed again (then it stays the first to wait), be blocked by something else, or be dropped. The
# chance then goes on, so one at a time is enough, and costs no more than what it brings. Each partition has a
# chance of its own: what keeps one from using it is nothing to another.


@cython.final
cdef class Function:
    """What is enforced for the jobs of a function."""
    cdef str name
    cdef Py_ssize_t calls  # 0: any number
    cdef dict rules  # None: none
    cdef str rate  # the rule of the throttle; None: none
    cdef long long emission
    cdef long long cap
    cdef bint paused
    cdef Partition first  # of its partitions: one or two, as a rule

    cdef inline void has(self, Partition partition):
        partition.sibling = self.first
        self.first = partition

    cdef inline void has_no_more(self, Partition partition):
        cdef Partition other = self.first
        if other is partition:
            self.first = partition.sibling
        else:
            while other.sibling is not partition:
                other = other.sibling
            other.sibling = partition.sibling
        partition.sibling = None


@cython.final
cdef class Throttles:
    """Arrival times, and who waits for one."""
    cdef GcraTable arrivals
    cdef Heap openings  # of waits, by when the next one may pass
    cdef long long now  # when the queue last looked at the clock

    def __cinit__(self):
        self.arrivals = GcraTable()
        self.openings = Heap()


cdef enum Kind:
    KEY
    THROTTLE
    RUNS


@cython.final
cdef class Gate(Ring):
    """Is a ring of waits: whose partition got a place goes behind the others."""
    cdef Kind kind
    cdef str name
    cdef str rule
    cdef dict holders  # of a key: leased jobs by id; of live runs: how many jobs of a run make it one
    cdef Throttles throttles
    cdef Py_ssize_t users  # lanes, lines or jobs that are to pass, or hold a place
    cdef dict known  # where it is found by name while it has users

    cdef inline Py_ssize_t limit(self, Function function):
        """-1: none"""
        if function.rules is None:
            return -1
        limit = function.rules.get(self.rule)
        return -1 if limit is None else limit

    cdef inline bint full(self, Function function):
        cdef Py_ssize_t limit = self.limit(function)
        return limit >= 0 and len(self.holders) >= limit

    cdef inline bint binds(self, Function function):
        """Whether this throttle is one of the function's."""
        return function.rate is not None and function.rate == self.rule

    cdef inline long long opens_at(self, Function function, long long now):
        return self.throttles.arrivals.opens_at(self.name, now, function.emission, function.cap)

    cdef void open(self):
        """There may be room."""
        cdef Wait wait = <Wait>self.first
        cdef Wait following
        while wait is not None:
            following = <Wait>wait.later
            wait.open()
            wait = following

    cdef inline void release(self):
        self.users -= 1
        if self.users == 0:
            del self.known[self.name]

    # Live runs

    cdef void enter(self, str run):
        self.holders[run] = self.holders.get(run, 0) + 1

    cdef void leave(self, str run):
        jobs = self.holders[run] - 1
        if jobs:
            self.holders[run] = jobs
        else:
            del self.holders[run]
            self.open()


@cython.final
cdef class Wait(Ring):
    """Is a ring of the lanes of a partition that wait at a gate: at a key they themselves, else their stands."""
    cdef Gate gate
    cdef Partition partition
    cdef dict stands  # by lane
    cdef Waiter let_go
    cdef bint timed

    cdef void open(self):
        """Lets one go, if there is room and none has the chance."""
        while self.let_go is None and self.first is not None and self.has_room():
            if self.gate.kind == KEY:
                (<Lane>self.pop()).go(self)
            else:
                self.first_line().go(self)
        if self.first is None:
            self.stop_timer()
            if self.let_go is None and self.partition.waits.pop(self.gate, None) is not None:
                self.gate.remove(self)

    cdef bint has_room(self):
        cdef Function function = self.partition.function
        cdef Throttles throttles = self.gate.throttles
        if self.gate.kind != THROTTLE:
            return not self.gate.full(function)
        self.stop_timer()
        if not self.gate.binds(function):
            return True
        cdef long long opens_at = self.gate.opens_at(function, throttles.now)
        if opens_at <= throttles.now:
            return True
        throttles.openings.push(self, opens_at)
        self.timed = True
        return False

    cdef inline void stop_timer(self):
        if self.timed:
            self.timed = False
            self.gate.throttles.openings.remove(self)

    cdef Line first_line(self):
        """Of the first lane, which goes behind the others. It is taken out."""
        cdef Stand stand = <Stand>self.first
        cdef Line line = <Line>stand.lines.pop()
        self.remove(stand)
        if stand.lines.size():
            self.append(stand)
        else:
            del self.stands[stand.lane]
        return line

    cdef Stand stand(self, Lane lane, bint is_first):
        """Where the lane's lines wait. It is put before the others, or behind them if it is new."""
        cdef Stand stand = self.stands.get(lane)
        if stand is None:
            stand = Stand.__new__(Stand)
            stand.wait = self
            stand.lane = lane
            self.stands[lane] = stand
        elif is_first:
            self.remove(stand)
        else:
            return stand
        if is_first:
            self.prepend(stand)
        else:
            self.append(stand)
        return stand


@cython.final
cdef class Stand(Link):
    """Lines of a lane that wait at a gate, by their first jobs."""
    cdef Wait wait
    cdef Lane lane
    cdef Heap lines

    def __cinit__(self):
        self.lines = Heap.__new__(Heap)

    cdef void leave(self, Line line):
        self.lines.remove(line)
        if self.lines.size() == 0:
            del self.wait.stands[self.lane]
            self.wait.remove(self)
            self.wait.open()


cdef class Waiter(Ring):
    """A lane or a line: what is let go as one."""
    cdef Wait chance

    @cython.final
    cdef inline void take_chance(self, Wait wait):
        self.chance = wait
        wait.let_go = self

    @cython.final
    cdef inline void end_chance(self):
        cdef Wait wait = self.chance
        if wait is not None:
            self.chance = None
            wait.let_go = None
            wait.open()
