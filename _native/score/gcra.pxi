# The generic cell rate algorithm (flow-control §5.1, §5.2). All times in one unit, whole numbers.

cdef inline long long arrival(tat, long long now, long long emission, long long cap):
    """The theoretical arrival time to start from."""
    cdef long long start = now if tat is None or tat < now else tat
    if start > now + emission * cap:
        return now + emission * cap  # only a clock that went back leaves it further ahead
    return start


def gcra(tat, long long now, long long emission, long long cap, long long cost=1):
    """(allowed, the theoretical arrival time to keep, when to try again)"""
    cdef long long start = arrival(tat, now, emission, cap)
    cdef long long after = start + emission * cost
    cdef long long open_at = after - emission * cap
    if now >= open_at:
        return True, after, now
    return False, start if tat is not None else now, open_at


@cython.final
cdef class GcraTable:
    """Arrival times by key. Keys that have caught up with the clock are forgotten."""
    cdef dict _tats
    cdef Py_ssize_t _sweep_at

    def __cinit__(self):
        self._tats = {}
        self._sweep_at = 1024

    def __len__(self):
        return len(self._tats)

    def take(self, key, long long now, long long emission, long long cap, long long cost=1):
        known = self._tats.get(key)
        allowed, tat, retry_at = gcra(known, now, emission, cap, cost)
        if allowed:
            self.keep(key, tat, now)
        elif known is not None and tat < known:
            self._tats[key] = tat  # or it would be as far ahead at the next try
        return allowed, retry_at

    def peek(self, key):
        return self._tats.get(key)

    def restore(self, key, long long tat):
        known = self._tats.get(key)
        if known is None or tat > known:
            self._tats[key] = tat

    def sweep(self, long long now):
        self._tats = {key: tat for key, tat in self._tats.items() if tat > now}
        self._sweep_at = max(1024, 2 * len(self._tats))

    # Within the module: one at a time

    cdef long long opens_at(self, str key, long long now, long long emission, long long cap):
        """From when on the next one is allowed."""
        known = self._tats.get(key)
        cdef long long start = arrival(known, now, emission, cap)
        if known is not None and start < known:
            self._tats[key] = start
        return start + emission - emission * cap

    cdef long long pay(self, str key, long long now, long long emission, long long cap):
        """The arrival time after one that is allowed."""
        cdef long long after = arrival(self._tats.get(key), now, emission, cap) + emission
        self.keep(key, after, now)
        return after

    cdef inline void keep(self, key, tat, long long now):
        self._tats[key] = tat
        if len(self._tats) > self._sweep_at:
            self.sweep(now)
