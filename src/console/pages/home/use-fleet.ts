import { useMemo } from 'react'
import { glanceAtMachines, listClients, listMachines } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { useAlerts } from '../../api/use-alerts.ts'
import { useNow } from '../../parts/figures.tsx'
import { judgeMachines } from './judge.ts'

/** Milliseconds after which figures are asked for again of which no event tells. */
const everyMinute = 60_000

/** All machines as they are judged, from several answers; undefined until all of them are there. */
export function useFleet() {
  const machines = useAnswer(listMachines, {})
  const glances = useAnswer(glanceAtMachines, {}, { every: everyMinute })
  const clients = useAnswer(listClients, {})
  const alerts = useAlerts()
  const now = useNow()
  const judged = useMemo(() => {
    if (!machines.data || !glances.data || !alerts.data) return undefined
    return judgeMachines({ machines: machines.data, glances: glances.data, alerts: alerts.data }, now)
  }, [machines.data, glances.data, alerts.data, now])
  const all = [machines, glances, clients, alerts]
  return {
    judged,
    clients: clients.data,
    alerts: alerts.data,
    /** What failed first, and how to ask anew. */
    error: all.find(({ error }) => error)?.error,
    retry: () => void Promise.all(all.map(async ({ refetch }) => await refetch())),
    /** As old as the oldest of them. */
    asOf: Math.min(...all.map(({ dataUpdatedAt }) => dataUpdatedAt)),
  }
}
