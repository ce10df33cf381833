import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { makeEnrolmentLine } from '../../api/calls.ts'
import { useAction } from '../../api/queries.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import type { Client } from '../home/judge.ts'
import styles from './add-machine.module.css'
import { machinesWords } from './words.ts'

const kinds = ['server', 'pc', 'laptop'] as const

/** Makes the line that is typed on a machine so that it becomes known. */
export function AddMachine({ clients }: { readonly clients: readonly Client[] }) {
  const words = useWords(machinesWords)
  const makes = useAction(makeEnrolmentLine)
  const [client, setClient] = useState(clients[0]?.id ?? '')
  const [machineKind, setKind] = useState<(typeof kinds)[number]>('server')
  return (
    <>
      <div className={styles.choice}>
        {clients.length > 1 && (
          <NativeSelect
            label={words.ofClient}
            value={client}
            onChange={({ currentTarget }) => setClient(currentTarget.value)}
            data={clients.map(({ id, name }) => ({ value: id, label: name }))}
          />
        )}
        <NativeSelect
          label={words.ofKind}
          value={machineKind}
          onChange={({ currentTarget }) => setKind(kinds.find((kind) => kind === currentTarget.value) ?? 'server')}
          data={kinds.map((kind) => ({ value: kind, label: words[kind] }))}
        />
        <Button
          variant="default"
          loading={makes.isPending}
          onClick={() => makes.mutate({ params: { client }, body: { machineKind } })}
        >
          {words.makeLine}
        </Button>
      </div>
      {makes.error && <Failure of={makes.error} />}
      {makes.data && (
        <div role="status">
          <p>{words.addLead}</p>
          <Copyable label={words.line} text={`understudy agent enroll ${makes.data.line}`} />
          <p>{words.addOnce}</p>
        </div>
      )}
    </>
  )
}
