"""The worker shell around the pure core: Kafka in, a stage's `process`, Kafka out, in one transaction a batch.

| file | what lives there |
|---|---|
| `settings`, `topics`, `clients`, `loops`, `quiet` | what a worker is told, what it wants to find |
| `app` | the composition: `build_app(settings, stages)`, `run_worker(app)`, exit codes |
| `batch_transport`, `recovery` | Faust's transport and table recovery, carried in whole batches |
| `ledger`, `lanes` | which offsets are done; one lane per stage and partition |
| `stage_agent`, `writer`, `stores` | process, write and commit, apply |
| `runtime`, `metrics` | what the parts share; what the worker tells |

A batch goes: fetch -> ledger -> Faust's stream -> lane -> `Stage.process` -> transaction (outputs, changelog,
offsets of all that the stage reads) -> store. What cannot go on ends the process; its successor fences it and recovers.
"""
