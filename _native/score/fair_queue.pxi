# Two turns: groups take turns, and within a group its partitions do. What is blocked, a group at its limit
# or a partition at its own or on hold, is in no turn and costs nothing until it is let go.

from collections import OrderedDict
from types import GenericAlias


@cython.final
cdef class Group:
    cdef str name
    cdef Py_ssize_t limit  # -1: none
    cdef Py_ssize_t in_use
    cdef Py_ssize_t partitions  # that exist
    cdef object turns  # of partitions, in order; one that is forgotten leaves at once, in O(1)
    cdef bint listed

    def __cinit__(self):
        self.limit = -1
        self.turns = OrderedDict()

    cdef inline bint full(self):
        return self.limit >= 0 and self.in_use >= self.limit


@cython.final
cdef class Partition:
    cdef str name
    cdef Group group
    cdef Heap ready
    cdef Py_ssize_t limit  # -1: none
    cdef Py_ssize_t in_use
    cdef Py_ssize_t scheduled
    cdef Item hold
    cdef bint listed

    def __cinit__(self):
        self.limit = -1
        self.ready = Heap()

    cdef inline bint blocked(self):
        return self.hold is not None or (self.limit >= 0 and self.in_use >= self.limit)

    cdef inline bint idle(self):
        return (
            self.in_use == 0
            and self.scheduled == 0
            and self.ready.size() == 0
            and self.limit < 0
            and self.hold is None
        )


@cython.final
cdef class FairQueue:
    cdef dict _items
    cdef dict _partitions
    cdef dict _groups
    cdef Heap _scheduled
    cdef object _turns  # of groups
    cdef long long _seq

    def __cinit__(self):
        self._items = {}
        self._partitions = {}
        self._groups = {}
        self._scheduled = Heap()
        self._turns = OrderedDict()
        self._seq = 0

    @classmethod
    def __class_getitem__(cls, payload):
        return GenericAlias(cls, payload)

    def __len__(self):
        return len(self._items)

    def __contains__(self, id):
        return id in self._items

    def add(self, str id not None, str partition not None, str group not None,
            long long due, long long score, payload, long long now):
        cdef Item item
        if id in self._items:
            return False
        self._seq += 1
        item = Item.__new__(Item)
        item.id = id
        item.payload = payload
        item.due = due
        item.score = score
        item.seq = self._seq
        item.partition = self.partition(partition, group)
        self._items[id] = item
        self.place(item, now)
        return True

    def lease(self, Py_ssize_t n, long long now):
        cdef list out = []
        cdef Group group
        cdef Partition partition
        cdef Item item
        self.promote(now)
        while len(out) < n and self._turns:
            group = <Group>self._turns.popitem(False)[0]
            group.listed = False
            if group.full():
                continue  # back in its turn when a place is freed
            while group.turns:
                partition = <Partition>group.turns.popitem(False)[0]
                partition.listed = False
                if partition.ready.size() == 0 or partition.blocked():
                    continue
                item = partition.ready.pop()
                item.state = LEASED
                partition.in_use += 1
                group.in_use += 1
                out.append(item.payload)
                self.list_partition(partition)
                break
            self.list_group(group)
        return out

    def done(self, str id not None):
        cdef Item item = self._items.get(id)
        if item is None or item.state != LEASED:
            return False
        del self._items[id]
        self.release(item)
        return True

    def drop(self, str id not None):
        cdef Item item = self._items.pop(id, None)
        if item is None:
            return False
        if item.state == LEASED:
            self.release(item)
        else:
            self.unplace(item)
            self.forget(item.partition)
        return True

    def promote(self, long long now):
        """Makes ready what is due."""
        cdef Item item
        while self._scheduled.size() and self._scheduled.top().key <= now:
            item = self._scheduled.pop()
            if item.state == HOLD:
                item.partition.hold = None
                self.list_partition(item.partition)
                self.forget(item.partition)
                continue
            item.partition.scheduled -= 1
            self.make_ready(item)

    def next_due(self):
        return self._scheduled.top().key if self._scheduled.size() else None

    def has_ready(self):
        """Whether a lease now would give something that is known to be due."""
        cdef Group group
        cdef Partition partition
        for group in self._turns:
            if group.full():
                continue
            for partition in group.turns:
                if partition.ready.size() and not partition.blocked():
                    return True
        return False

    def limit_group(self, str name not None, limit):
        cdef Group group = self.group(name)
        group.limit = -1 if limit is None else limit
        self.list_group(group)
        self.forget_group(group)

    def limit_partition(self, str name not None, str group not None, limit):
        cdef Partition partition = self.partition(name, group)
        partition.limit = -1 if limit is None else limit
        self.list_partition(partition)
        self.forget(partition)

    def hold(self, str name not None, str group not None, until):
        """Gives nothing of a partition until then; None lets it go."""
        cdef Partition partition = self.partition(name, group)
        cdef Item mark
        if partition.hold is not None:
            self._scheduled.remove(partition.hold)
            partition.hold = None
        if until is not None:
            self._seq += 1
            mark = Item.__new__(Item)
            mark.state = HOLD
            mark.seq = self._seq
            mark.partition = partition
            mark.due = until
            partition.hold = mark
            self._scheduled.push(mark, until)
        self.list_partition(partition)
        self.forget(partition)

    def explain(self, str id not None):
        """(state, due, score, position, blocked by, limit, in use), or None."""
        cdef Item item = self._items.get(id)
        cdef Item other
        cdef Partition partition
        cdef Py_ssize_t position = 0
        if item is None:
            return None
        partition = item.partition
        if item.state == LEASED:
            return ("leased", item.due, item.score, 0, "", 0, 0)
        if item.state == SCHEDULED:
            return ("scheduled", item.due, item.score, 0, "", 0, 0)
        for other in partition.ready.items:
            if other.key < item.key or (other.key == item.key and other.seq < item.seq):
                position += 1
        if partition.hold is not None:
            return ("ready", item.due, item.score, position, "hold", 0, 0)
        if partition.limit >= 0 and partition.in_use >= partition.limit:
            return (
                "ready", item.due, item.score, position, "partition limit", partition.limit, partition.in_use
            )
        if partition.group.full():
            return (
                "ready", item.due, item.score, position, "group limit",
                partition.group.limit, partition.group.in_use,
            )
        return ("ready", item.due, item.score, position, "", 0, 0)

    def depth(self):
        """{partition: (scheduled, ready, leased)}"""
        cdef Partition p
        return {
            p.name: (p.scheduled, p.ready.size(), p.in_use)
            for p in self._partitions.values()
            if p.scheduled or p.ready.size() or p.in_use
        }

    def oldest_ready(self):
        cdef Partition partition
        cdef Item item
        oldest = None
        for partition in self._partitions.values():
            if partition.blocked() or partition.group.full():
                continue
            for item in partition.ready.items:
                if oldest is None or item.due < oldest:
                    oldest = item.due
        return oldest

    # Within the module

    cdef Partition partition(self, str name, str group_name):
        cdef Partition partition = self._partitions.get(name)
        if partition is None:
            partition = Partition()
            partition.name = name
            partition.group = self.group(group_name)
            partition.group.partitions += 1
            self._partitions[name] = partition
        return partition

    cdef Group group(self, str name):
        cdef Group group = self._groups.get(name)
        if group is None:
            group = Group()
            group.name = name
            self._groups[name] = group
        return group

    cdef void place(self, Item item, long long now):
        if item.due <= now:
            self.make_ready(item)
        else:
            item.state = SCHEDULED
            item.partition.scheduled += 1
            self._scheduled.push(item, item.due)

    cdef void make_ready(self, Item item):
        item.state = READY
        item.partition.ready.push(item, item.score)
        self.list_partition(item.partition)

    cdef void unplace(self, Item item):
        if item.state == SCHEDULED:
            item.partition.scheduled -= 1
            self._scheduled.remove(item)
        else:
            item.partition.ready.remove(item)

    cdef void release(self, Item item):
        cdef Partition partition = item.partition
        partition.in_use -= 1
        partition.group.in_use -= 1
        self.list_partition(partition)
        self.list_group(partition.group)
        self.forget(partition)

    cdef void list_partition(self, Partition partition):
        if not partition.listed and partition.ready.size() and not partition.blocked():
            partition.listed = True
            partition.group.turns[partition] = None
            self.list_group(partition.group)

    cdef void list_group(self, Group group):
        if not group.listed and group.turns and not group.full():
            group.listed = True
            self._turns[group] = None

    cdef void forget(self, Partition partition):
        if partition.idle() and self._partitions.get(partition.name) is partition:
            del self._partitions[partition.name]
            if partition.listed:
                partition.listed = False
                del partition.group.turns[partition]
            partition.group.partitions -= 1
            self.forget_group(partition.group)

    cdef void forget_group(self, Group group):
        if group.partitions == 0 and group.limit < 0 and group.in_use == 0:
            self._groups.pop(group.name, None)
            if group.listed:
                group.listed = False
                del self._turns[group]
