# cython: freethreading_compatible = False
"""Who is concerned by an event: triggers by name, waits by name and equality keys. See `match.pyi`."""

cimport cython


cdef class TriggerIndex:
    cdef dict _places  # pattern → {id: [how often, when first]}
    cdef long long _count

    def __cinit__(self):
        self._places = {}
        self._count = 0

    def insert(self, str pattern not None, str id not None):
        cdef dict ids = self._places.setdefault(pattern, {})
        place = ids.get(id)
        if place is None:
            self._count += 1
            ids[id] = [1, self._count]
        else:
            place[0] += 1

    def remove(self, str pattern not None, str id not None):
        cdef dict ids = self._places.get(pattern)
        if ids is None or id not in ids:
            return False
        place = ids[id]
        place[0] -= 1
        if not place[0]:
            del ids[id]
            if not ids:
                del self._places[pattern]
        return True

    def match(self, str name not None):
        cdef dict places = self._places
        cdef dict found = {}
        cdef Py_ssize_t i
        cdef Py_UCS4 c
        if not places:
            return []
        self._take(found, places.get(name))
        for i in range(len(name)):
            c = name[i]
            if c == u"/" or c == u".":
                self._take(found, places.get(name[: i + 1] + "*"))
        if len(found) < 2:
            return list(found)
        return sorted(found, key=found.__getitem__)

    cdef _take(self, dict found, dict ids):
        if ids is None:
            return
        for id, place in ids.items():
            known = found.get(id)
            if known is None or place[1] < known:
                found[id] = place[1]


# Booleans are told from numbers, which equal them as dictionary keys.
cdef object _TRUE = "\0true"
cdef object _FALSE = "\0false"


cdef inline object _constant(object value):
    if value is True:
        return (_TRUE,)
    if value is False:
        return (_FALSE,)
    if type(value) is int:
        return float(value)
    return value


@cython.final
cdef class _Bucket:
    """The waits for events of one name."""
    cdef dict always  # wait → None: a dict keeps order and forgets fast
    cdef dict paths  # path → {constant: wait, or {wait: None}}
    cdef Py_ssize_t count

    def __cinit__(self):
        self.always = {}
        self.paths = {}
        self.count = 0


@cython.final
cdef class WaitIndex:
    cdef dict _buckets  # event name → _Bucket
    cdef dict _waits  # wait → (event name, keys)

    def __cinit__(self):
        self._buckets = {}
        self._waits = {}

    def __len__(self):
        return len(self._waits)

    def insert(self, wait, str event not None, keys):
        cdef _Bucket bucket
        cdef dict values
        if wait in self._waits:
            self.remove(wait)
        entry = tuple(keys)
        self._waits[wait] = (event, entry)
        bucket = self._buckets.get(event)
        if bucket is None:
            bucket = self._buckets[event] = _Bucket()
        bucket.count += 1
        if None in entry:
            bucket.always[wait] = None
            return
        for path, value in entry:
            values = bucket.paths.get(path)
            if values is None:
                values = bucket.paths[path] = {}
            constant = _constant(value)
            known = values.get(constant)
            if known is None:
                values[constant] = wait
            elif type(known) is dict:
                (<dict>known)[wait] = None
            elif known != wait:
                values[constant] = {known: None, wait: None}

    def remove(self, wait):
        cdef _Bucket bucket
        cdef dict values
        entry = self._waits.pop(wait, None)
        if entry is None:
            return False
        event, keys = entry
        bucket = self._buckets[event]
        bucket.count -= 1
        if not bucket.count:
            del self._buckets[event]
            return True
        if None in keys:
            del bucket.always[wait]
            return True
        for path, value in keys:
            values = bucket.paths.get(path)
            if values is None:
                continue  # the same key twice in one wait
            constant = _constant(value)
            known = values.get(constant)
            if type(known) is dict:
                (<dict>known).pop(wait, None)
                if not known:
                    del values[constant]
            elif known == wait:
                del values[constant]
            if not values:
                del bucket.paths[path]
        return True

    def candidates(self, str event not None, lookup):
        cdef _Bucket bucket = self._buckets.get(event)
        cdef dict values
        if bucket is None:
            return []
        cdef set found = set(bucket.always)
        for path, values in bucket.paths.items():
            known = values.get(_constant(lookup(path)))
            if known is None:
                continue
            if type(known) is dict:
                found.update(<dict>known)
            else:
                found.add(known)
        return sorted(found)
