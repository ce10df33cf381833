import { isByteName, shownValue } from './shown-value.ts'
import { Size } from './figures.tsx'
import { useLocale } from '../words/locale.ts'
import styles from './values.module.css'

/** Named values as the API has them: for who looks closely. Text among them is shown as text, whatever stands in it. */
export function Values({ of }: { readonly of: Readonly<Record<string, unknown>> }) {
  const { locale } = useLocale()
  return (
    <dl className={styles.values}>
      {Object.entries(of).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === 'number' && isByteName(name) ? <Size bytes={value} /> : shownValue(value, locale)}</dd>
        </div>
      ))}
    </dl>
  )
}
