import { systemClock } from '#base'
import type { Clock } from '#base'
import type { Services } from '../../src/server/app/services.ts'
import { serverJobs } from '../../src/server/work/jobs.ts'
import { doServerWork } from '../../src/server/work/server-work.ts'

/** Does the server's own jobs until nothing waits or runs any more. The clock of the services stays what it is. */
export async function workUntilIdle(services: Services): Promise<void> {
  const ending = new AbortController()
  const clock: Clock = {
    now: () => services.clock.now(),
    monotonic: () => services.clock.monotonic(),
    sleep: async (milliseconds, options) => await systemClock.sleep(milliseconds, options),
  }
  const work = doServerWork({ ...services, clock }, { jobs: serverJobs, rounds: [], rhythm: 5, signal: ending.signal })
  for (;;) {
    const open = services.store.db.selectFrom('operations').select('id').where('state', 'in', ['waiting', 'running'])
    if ((await open.where('machineId', 'is', null).execute()).length === 0) break
    await systemClock.sleep(5)
  }
  ending.abort()
  await work
}
