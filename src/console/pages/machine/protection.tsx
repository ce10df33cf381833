import { Button } from '@mantine/core'
import { acceptProposal, listMachinePolicies, readDiscovery, readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import type { Machine } from '../home/judge.ts'
import styles from './machine.module.css'
import { machineWords } from './words.ts'

/** What of the machine is backed up and what is not, in the server's sentences; before its agent has looked, nothing. */
export function Protection({ machine }: { readonly machine: Machine }) {
  const words = useWords(machineWords)
  const params = { machine: machine.id }
  const { data: me } = useAnswer(readMe, {})
  const { data: discovery } = useAnswer(readDiscovery, { params }, { enabled: machine.hasAgent })
  const { data: policies } = useAnswer(listMachinePolicies, { params })
  const accepts = useAction(acceptProposal)
  if (!discovery) return null
  const sentences = discovery.protection ?? [discovery.uncovered.sentence]
  const mayFollow = me && may(me, 'operate', machine.clientId) && policies?.length === 0
  return (
    <Section title={words.protection}>
      <ul className={styles.sentences}>
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {mayFollow === true && (
        <p>
          <Button loading={accepts.isPending} onClick={() => accepts.mutate({ params, body: {} })}>
            {words.follow}
          </Button>
        </p>
      )}
      {accepts.error && <Failure of={accepts.error} />}
    </Section>
  )
}
