import { Link } from '@tanstack/react-router'
import { listMachines } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago, Duration } from '../../parts/figures.tsx'
import { CancelButton, OperationProgress, OperationStatus, useKindWords } from '../../parts/operation.tsx'
import type { Operation } from '../../parts/operation.tsx'
import { operationWords } from '../../parts/operation-words.ts'
import { useWords } from '../../words/locale.ts'
import { operationsWords } from './words.ts'

interface OperationTableProps {
  readonly operations: readonly Operation[]
  /** Of one machine: it need not be named in every row. */
  readonly isOfOne?: boolean
}

export function OperationTable({ operations, isOfOne = false }: OperationTableProps) {
  const words = useWords(operationsWords)
  const states = useWords(operationWords)
  const kindWords = useKindWords()
  const { data: machines = [] } = useAnswer(listMachines, {})
  const nameOf = new Map(machines.map(({ id, name }) => [id, name]))
  const machineOf = ({ machineId }: Operation) =>
    machineId === null ? words.serverItself : (nameOf.get(machineId) ?? machineId)
  const columns: readonly TableColumn<Operation>[] = [
    {
      id: 'what',
      title: words.what,
      text: ({ kind, reason }) => `${kindWords(kind)} ${reason ?? ''}`,
      sortBy: ({ kind }) => kindWords(kind),
      cell: ({ id, kind, reason }) => (
        <>
          <Link to="/operations/$operation" params={{ operation: id }}>
            {kindWords(kind)}
          </Link>
          {reason !== null && <small>{reason}</small>}
        </>
      ),
    },
    { id: 'machine', title: words.machine, text: machineOf, sortBy: machineOf, cell: machineOf },
    {
      id: 'began',
      title: words.began,
      sortBy: ({ startedAt, runAt }) => startedAt ?? runAt,
      cell: ({ startedAt, runAt }) => <Ago at={startedAt ?? runAt} />,
    },
    {
      id: 'took',
      title: words.took,
      sortBy: secondsOf,
      cell: (operation) => {
        const seconds = secondsOf(operation)
        return seconds === null ? '' : <Duration seconds={seconds} />
      },
    },
    {
      id: 'state',
      title: words.state,
      text: ({ state }) => states[state],
      sortBy: ({ state }) => states[state],
      cell: (operation) => (
        <>
          <OperationStatus of={operation} /> <CancelButton of={operation} />
          <OperationProgress of={operation} />
        </>
      ),
    },
  ]
  return (
    <DataTable
      label={words.about}
      rows={operations}
      columns={isOfOne ? columns.filter(({ id }) => id !== 'machine') : columns}
      keyOf={({ id }) => id}
    />
  )
}

function secondsOf({ startedAt, endedAt }: Operation): number | null {
  return startedAt === null || endedAt === null ? null : (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000
}
