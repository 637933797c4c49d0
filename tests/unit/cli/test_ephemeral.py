"""Where data would not last."""

import pytest

from inngest_fast.cli.ephemeral import why_ephemeral

MOUNTS = """\
overlay / overlay rw,relatime 0 0
tmpfs /scratch tmpfs rw 0 0
/dev/sda1 /data ext4 rw 0 0
/dev/sdb1 /scratch/kept ext4 rw 0 0
tmpfs /with\\040space tmpfs rw 0 0
/dev/sdc1 /twice ext4 rw 0 0
tmpfs /twice tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("directory", "part"),
    [
        ("/tmp", "under /tmp"),
        ("/tmp/x/y", "under /tmp"),
        ("/dev/shm/x", "under /dev/shm"),
        ("/run/x", "under /run"),
        ("/tmpx", "container's own layer"),
        ("/srv/x", "container's own layer"),
        ("/scratch/x", "tmpfs"),
        ("/scratchy", "container's own layer"),
        ("/with space/x", "tmpfs"),
        ("/twice/x", "tmpfs"),
        ("/data", ""),
        ("/data/x", ""),
        ("/scratch/kept/x", ""),
    ],
)
def test_reasons(directory, part, tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    why = why_ephemeral(directory, mounts)
    assert part in why
    assert bool(why) == bool(part)


def test_without_a_mount_table_the_path_tells(tmp_path):
    assert why_ephemeral("/scratch/x", tmp_path / "none") == ""
    assert "under /tmp" in why_ephemeral("/tmp/x", tmp_path / "none")


def test_links_are_followed(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n")
    link = tmp_path / "link"
    link.symlink_to("/run/somewhere")
    assert "under /run" in why_ephemeral(str(link), mounts)
