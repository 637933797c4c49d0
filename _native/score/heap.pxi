# A binary heap whose nodes know their place, so that any one can be taken out.

cimport cython


cdef class Node:
    cdef long long key
    cdef long long seq  # of equal keys the lower one goes first
    cdef Py_ssize_t place


@cython.final
cdef class Heap:
    cdef list nodes

    def __cinit__(self):
        self.nodes = []

    cdef inline Py_ssize_t size(self):
        return len(self.nodes)

    cdef inline Node top(self):
        return <Node>self.nodes[0]

    cdef void push(self, Node node, long long key):
        node.key = key
        node.place = len(self.nodes)
        self.nodes.append(node)
        self.up(node.place)

    cdef Node pop(self):
        cdef Node first = <Node>self.nodes[0]
        self.remove(first)
        return first

    cdef void remove(self, Node node):
        cdef Py_ssize_t place = node.place
        cdef Node last = <Node>self.nodes.pop()
        if last is node:
            return
        self.nodes[place] = last
        last.place = place
        self.moved(last)

    cdef inline void moved(self, Node node):
        """Finds the place of a node whose key has changed."""
        self.up(node.place)
        self.down(node.place)

    cdef void up(self, Py_ssize_t place):
        cdef list nodes = self.nodes
        cdef Node node = <Node>nodes[place]
        cdef Node parent
        cdef Py_ssize_t above
        while place > 0:
            above = (place - 1) >> 1
            parent = <Node>nodes[above]
            if not before(node, parent):
                break
            nodes[place] = parent
            parent.place = place
            place = above
        nodes[place] = node
        node.place = place

    cdef void down(self, Py_ssize_t place):
        cdef list nodes = self.nodes
        cdef Py_ssize_t size = len(nodes)
        cdef Node node = <Node>nodes[place]
        cdef Node child
        cdef Py_ssize_t below
        while True:
            below = 2 * place + 1
            if below >= size:
                break
            child = <Node>nodes[below]
            if below + 1 < size and before(<Node>nodes[below + 1], child):
                below += 1
                child = <Node>nodes[below]
            if not before(child, node):
                break
            nodes[place] = child
            child.place = place
            place = below
        nodes[place] = node
        node.place = place


cdef inline bint before(Node a, Node b):
    return a.key < b.key or (a.key == b.key and a.seq < b.seq)
