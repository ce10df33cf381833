import { Link } from '@tanstack/react-router'
import { readMe } from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAnswer } from '../../api/queries.ts'
import { useAlerts } from '../../api/use-alerts.ts'
import { Page, Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import type { Alert } from '../home/judge.ts'
import { AlertEntry } from './alert-entry.tsx'
import { alertsWords } from './words.ts'

const isOpen = ({ acknowledged, muted }: Alert) => !acknowledged && !muted

/** One inbox for all that is not as it should be; the worst first. */
export function AlertsPage() {
  const words = useWords(alertsWords)
  const query = useAlerts()
  const { data: alerts = [], dataUpdatedAt } = query
  const { data: me } = useAnswer(readMe, {})
  const [open, taken] = [alerts.filter(isOpen), alerts.filter((alert) => !isOpen(alert))]
  const urgent = open.filter(({ severity }) => severity !== 'notice').length
  const headline =
    alerts.length === 0
      ? words.none
      : urgent > 0
        ? words.open(urgent)
        : open.length > 0
          ? words.nothingUrgent
          : words.allTaken
  return (
    <Page about={words.about} headline={query.data ? headline : ' '} asOf={dataUpdatedAt}>
      <Answered query={query}>
        {() => (
          <>
            {me && may(me, 'administer') && (
              <p>
                <Link to="/told">{words.whoIsTold}</Link>
              </p>
            )}
            {alerts.length === 0 && <Empty title={words.none}>{words.noneLead}</Empty>}
            {me && <AlertList title={words.openOnes} {...{ alerts: open, me }} />}
            {me && <AlertList title={words.takenOnes} {...{ alerts: taken, me }} />}
          </>
        )}
      </Answered>
    </Page>
  )
}

interface AlertListProps {
  readonly title: string
  readonly alerts: readonly Alert[]
  readonly me: Parameters<typeof AlertEntry>[0]['me']
}

function AlertList({ title, alerts, me }: AlertListProps) {
  if (alerts.length === 0) return null
  return (
    <Section title={title}>
      {alerts.map((alert) => (
        <AlertEntry key={alert.key} alert={alert} me={me} />
      ))}
    </Section>
  )
}
