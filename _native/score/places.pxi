# What is asked about a queue.

cdef tuple place_of(Item item, long long now, Py_ssize_t holders_shown):
    """(state, due, score, position, blocked by, limit, in use, counter, holders, opens at)"""
    cdef Py_ssize_t position
    if item.state != READY:
        state = "leased" if item.state == LEASED else "scheduled"
        return (state, item.due, item.score, 0, "", 0, 0, "", (), 0)
    position = ready_before(item.lane, item)
    return ("ready", item.due, item.score, position, *obstacle(item, now, holders_shown))


cdef Py_ssize_t ready_before(Lane lane, Item item):
    """How many ready jobs of the lane go first."""
    cdef Py_ssize_t count = 0
    cdef Item other
    cdef Line line
    for other in lane.ready.nodes:
        count += before(other, item)
    if lane.lines is not None:
        for line in lane.lines_by_gates.values():
            for other in line.jobs.nodes:
                count += before(other, item)
    return count


cdef tuple obstacle(Item item, long long now, Py_ssize_t holders_shown):
    """(blocked by, limit, in use, counter, holders, opens at)"""
    cdef Lane lane = item.lane
    cdef Line line = item.line
    cdef Partition partition = lane.partition
    cdef Function function = partition.function
    cdef Gate gate
    if partition.paused():
        return ("paused", 0, 0, "", (), 0)
    if partition.group.full():
        return ("app", partition.group.limit, partition.group.in_use, "", (), 0)
    if partition.full():
        return ("function", function.calls, partition.in_use, "", (), 0)
    gate = lane.closed()
    if gate is not None:
        return ("key", *use_of(gate, function, holders_shown), 0)
    if line is not None and line.throttle is not None and line.throttle.binds(function):
        opens_at = line.throttle.opens_at(function, now)
        if opens_at > now:
            return ("throttle", 0, 0, line.throttle.name, (), opens_at)
    if line is not None and line.runs is not None and line.runs.full(function):
        if item.run not in line.runs.holders:
            return ("runs", *use_of(line.runs, function, holders_shown), 0)
    return ("", 0, 0, "", (), 0)


cdef tuple use_of(Gate gate, Function function, Py_ssize_t holders_shown):
    """(limit, in use, counter, holders)"""
    holders = tuple(sorted(gate.holders)[:holders_shown])
    return (gate.limit(function), len(gate.holders), gate.name, holders)


cdef oldest_of(Partition partition, long long now):
    """The smallest due time of its ready jobs that nothing blocks; or None."""
    cdef Lane lane
    if partition.ready == 0 or partition.paused() or partition.full() or partition.group.full():
        return None
    dues = [oldest_in(lane, now) for lane in (partition.plain, *(partition.lanes or {}).values())]
    return min([due for due in dues if due is not None], default=None)


cdef oldest_in(Lane lane, long long now):
    cdef Line line
    cdef Item item
    if lane.closed() is not None:
        return None
    dues = [item.due for item in lane.ready.nodes]
    if lane.lines is not None:
        for line in lane.lines_by_gates.values():
            if line.jobs.size() and line.closed(now) is None:
                dues += [item.due for item in line.jobs.nodes]
    return min(dues, default=None)
