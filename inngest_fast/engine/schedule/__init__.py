"""When crons tick, and what becomes of ticks that were missed."""
