"""RQ without pickle. What lies in Redis was perhaps not written by us, and to unpickle is to execute."""

from rq.serializers import DefaultSerializer, JSONSerializer


def forbid_pickle() -> None:
    """From now on nothing in this process unpickles on RQ's behalf.

    Every queue and worker of ours names JSON. But RQ falls back to pickle where nothing is named, and rq-dashboard
    names nothing on its job page, on requeue and on delete. So the fallback itself has to speak JSON.
    """
    DefaultSerializer.loads = JSONSerializer.loads
    DefaultSerializer.dumps = JSONSerializer.dumps
