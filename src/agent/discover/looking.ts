/**
 * The process that looks. A call on a dead disk cannot be cancelled; a process that is held by one can be left behind. So
 * everything that touches the disk happens here, each find is sent at once, and whoever started it ends it when a probe takes too
 * long (`looker.ts`).
 */
import { messageOf, systemClock } from '#base'
import { runNothing, toolRunner } from './commands.ts'
import { Files } from './files.ts'
import { Machine, findSilentMounts } from './machine.ts'
import type { LookAnswer, LookOrder } from './messages.ts'
import { probesFor } from './platform/index.ts'
import { roleOf } from './role.ts'

process.once('message', (order: LookOrder) => {
  void follow(order).finally(() => process.disconnect())
})

// Whoever asked has gone: nobody reads what would be found.
process.once('disconnect', () => process.exit())

function answer(message: LookAnswer): void {
  process.send?.(message)
}

async function follow(order: LookOrder): Promise<void> {
  const machine = await openMachine(order)
  for (const name of order.probes) {
    answer({ kind: 'starts', probe: name })
    machine.startProbe()
    try {
      await probesFor(order.platform)
        .find((probe) => probe.name === name)
        ?.look(machine)
    } catch (error) {
      answer({ kind: 'failed', probe: name, why: messageOf(error) })
    }
  }
  answer({ kind: 'ends' })
}

async function openMachine({ root, platform, limits, silent }: LookOrder): Promise<Machine> {
  const files = new Files({ root, unseen: () => undefined })
  const mounts = silent ?? (await findSilentMounts(files, limits.mount))
  const machine = new Machine({
    root,
    platform,
    limits,
    silent: mounts,
    clock: systemClock,
    run: root === '/' ? toolRunner(limits.tool) : runNothing,
    sink: {
      finding: (finding) => answer({ kind: 'finding', finding }),
      volume: (volume) => answer({ kind: 'volume', volume }),
      unseen: (unseen) => answer({ kind: 'unseen', unseen }),
    },
  })
  if (!silent) {
    answer({ kind: 'silent', mounts })
    answer({ kind: 'role', role: roleOf(machine) })
  }
  return machine
}
