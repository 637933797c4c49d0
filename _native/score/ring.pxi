# Turns: who is next is first, who had its turn goes to the end, and who is to leave leaves, all in O(1).


cdef class Link(Node):
    """Is in one ring at a time, or in none."""
    cdef Link earlier
    cdef Link later
    cdef bint linked


cdef class Ring(Link):
    cdef Link first
    cdef Link last

    @cython.final
    cdef inline void append(self, Link link) noexcept:
        link.linked = True
        link.earlier = self.last
        if self.last is None:
            self.first = link
        else:
            self.last.later = link
        self.last = link

    @cython.final
    cdef inline void prepend(self, Link link) noexcept:
        link.linked = True
        link.later = self.first
        if self.first is None:
            self.last = link
        else:
            self.first.earlier = link
        self.first = link

    @cython.final
    cdef inline void remove(self, Link link) noexcept:
        if link.earlier is None:
            self.first = link.later
        else:
            link.earlier.later = link.later
        if link.later is None:
            self.last = link.earlier
        else:
            link.later.earlier = link.earlier
        link.earlier = link.later = None
        link.linked = False

    @cython.final
    cdef inline Link pop(self):
        cdef Link link = self.first
        self.remove(link)
        return link
