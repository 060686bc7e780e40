"""A Ray cluster of two nodes on this machine, one core each: prints its address, and ends with its standard input.

A process of its own, because the tests would count Ray's warnings as errors.
"""

import sys

from ray.cluster_utils import Cluster

MEMORY = 150 * 2**20

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": MEMORY})
    cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()
