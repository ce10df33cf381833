import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import {
  acknowledgeAlerts,
  acknowledgeClientAlerts,
  muteAlerts,
  muteClientAlerts,
  unmuteAlerts,
  unmuteClientAlerts,
} from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import type { Person } from '../../api/person.ts'
import { useAction } from '../../api/queries.ts'
import { serverNow } from '../../api/server-time.ts'
import { Ago, Moment } from '../../parts/figures.tsx'
import { Failure } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import type { StatusKind } from '../../parts/status-kind.ts'
import { capitalised } from '../../words/dictionary.ts'
import { useWords } from '../../words/locale.ts'
import type { Alert } from '../home/judge.ts'
import styles from './alert-entry.module.css'
import { alertsWords } from './words.ts'

const statusOf: Readonly<Record<Alert['severity'], StatusKind>> = {
  critical: 'bad',
  warning: 'look',
  notice: 'unknown',
}

/** Milliseconds for which an alert is silent that is silenced here. */
const silence = 86_400_000

/** An alert: what it is, what to do, and who has taken it on. */
export function AlertEntry({ alert, me }: { readonly alert: Alert; readonly me: Person }) {
  const words = useWords(alertsWords)
  const { severity, title, sentence, hint, since, subject, acknowledged, muted } = alert
  return (
    <article className={styles.entry}>
      <div className={styles.head}>
        <Status is={statusOf[severity]}>{words[severity]}</Status>
        <h3>{capitalised(title)}</h3>
      </div>
      <p>
        {sentence} <b>{hint}</b>
      </p>
      <div className={styles.foot}>
        {subject.type === 'machine' ? (
          <Link to="/machines/$machine" params={{ machine: subject.id }}>
            {subject.name}
          </Link>
        ) : (
          <span>{subject.name}</span>
        )}
        <span>
          {words.since} <Ago at={since} />
        </span>
        {acknowledged && (
          <span>
            {words.takenOn} <Ago at={acknowledged.at} />
          </span>
        )}
        {muted && (
          <span>
            {words.silentUntil} <Moment at={muted.until} />
          </span>
        )}
        {may(me, 'operate', subject.clientId ?? undefined) && <Answering alert={alert} />}
      </div>
    </article>
  )
}

/** What a person answers to an alert. Those of a client are answered by who operates that client. */
function Answering({ alert: { key, subject, acknowledged, muted } }: { readonly alert: Alert }) {
  const words = useWords(alertsWords)
  const { clientId } = subject
  const [ofAll, ofClient] = [useAction(acknowledgeAlerts), useAction(acknowledgeClientAlerts)]
  const [muteAll, muteClient] = [useAction(muteAlerts), useAction(muteClientAlerts)]
  const [unmuteAll, unmuteClient] = [useAction(unmuteAlerts), useAction(unmuteClientAlerts)]
  const keys = { keys: [key] }
  const takeOn = () =>
    clientId === null ? ofAll.mutate({ body: keys }) : ofClient.mutate({ params: { client: clientId }, body: keys })
  const mute = () => {
    const body = { ...keys, until: new Date(serverNow() + silence).toISOString() }
    return clientId === null ? muteAll.mutate({ body }) : muteClient.mutate({ params: { client: clientId }, body })
  }
  const unmute = () =>
    clientId === null
      ? unmuteAll.mutate({ body: keys })
      : unmuteClient.mutate({ params: { client: clientId }, body: keys })
  const all = [ofAll, ofClient, muteAll, muteClient, unmuteAll, unmuteClient]
  const failed = all.find(({ error }) => error)
  return (
    <span className={styles.answers}>
      {!acknowledged && (
        <Button variant="default" size="compact-sm" onClick={takeOn}>
          {words.takeOn}
        </Button>
      )}
      <Button variant="default" size="compact-sm" onClick={muted ? unmute : mute}>
        {muted ? words.unmute : words.mute}
      </Button>
      {failed && <Failure of={failed.error} />}
    </span>
  )
}
