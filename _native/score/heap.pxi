# A binary heap whose items know their place, so that any one can be taken out.

cimport cython

cdef enum State:
    SCHEDULED = 0
    READY = 1
    LEASED = 2
    HOLD = 3  # not a job: marks when a held partition is let go


@cython.final
cdef class Item:
    cdef str id
    cdef object payload
    cdef Partition partition
    cdef long long due
    cdef long long score
    cdef long long seq
    cdef long long key  # what its heap is ordered by: `due` while scheduled, `score` once ready
    cdef Py_ssize_t place
    cdef State state


@cython.final
cdef class Heap:
    cdef list items

    def __cinit__(self):
        self.items = []

    cdef inline Py_ssize_t size(self):
        return len(self.items)

    cdef inline Item top(self):
        return <Item>self.items[0]

    cdef void push(self, Item item, long long key):
        item.key = key
        item.place = len(self.items)
        self.items.append(item)
        self.up(item.place)

    cdef Item pop(self):
        cdef Item first = <Item>self.items[0]
        self.remove(first)
        return first

    cdef void remove(self, Item item):
        cdef Py_ssize_t place = item.place
        cdef Item last = <Item>self.items.pop()
        if last is item:
            return
        self.items[place] = last
        last.place = place
        self.up(place)
        self.down(last.place)

    cdef inline bint before(self, Item a, Item b):
        return a.key < b.key or (a.key == b.key and a.seq < b.seq)

    cdef void up(self, Py_ssize_t place):
        cdef list items = self.items
        cdef Item item = <Item>items[place]
        cdef Item parent
        cdef Py_ssize_t above
        while place > 0:
            above = (place - 1) >> 1
            parent = <Item>items[above]
            if not self.before(item, parent):
                break
            items[place] = parent
            parent.place = place
            place = above
        items[place] = item
        item.place = place

    cdef void down(self, Py_ssize_t place):
        cdef list items = self.items
        cdef Py_ssize_t size = len(items)
        cdef Item item = <Item>items[place]
        cdef Item child
        cdef Py_ssize_t below
        while True:
            below = 2 * place + 1
            if below >= size:
                break
            child = <Item>items[below]
            if below + 1 < size and self.before(<Item>items[below + 1], child):
                below += 1
                child = <Item>items[below]
            if not self.before(child, item):
                break
            items[place] = child
            child.place = place
            place = below
        items[place] = item
        item.place = place
