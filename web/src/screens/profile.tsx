/** One's profile, how the desk looks, and the password. */
import { type ChangeEvent, type FormEvent, useState, useSyncExternalStore } from 'react'
import { api, ask, Failure, newKey, type OwnProfile, type Profile } from '../api/client'
import { upload, whyNot } from '../api/pictures'
import { session } from '../api/session'
import { chosenLanguage, explain, type Language, languages, useMessages, useSizes } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Avatar, Button, Fault, Field, Problem } from '../ui/parts'
import { navigate } from '../ui/router'
import { chosenTheme, type Theme, themes } from '../ui/theme'

export default function ProfileScreen() {
  const t = useMessages()
  const me = useLoaded('me', () => ask(api.GET('/api/v1/users/me')))
  const mine = me.data
  useTitle(t.profile)
  const [error, setError] = useState<unknown>(null)
  const leave = () => void session.signOut().then(() => navigate('/'), setError)
  return (
    <main id="main" className="column">
      <h1>{t.profile}</h1>
      <Problem error={me.error} retry={me.reload} />
      {mine && <Person key={mine.id} profile={mine} set={(changed) => me.set({ ...mine, ...changed })} />}
      {mine && <Used usage={mine.usage} />}
      <Looks />
      <PasswordForm />
      <Problem error={error} />
      <Button onClick={leave}>{t.signOut}</Button>
    </main>
  )
}

function Person({ profile, set }: { profile: Profile; set: (profile: Profile) => void }) {
  const t = useMessages()
  const [name, setName] = useState(profile.display_name)
  const [bio, setBio] = useState(profile.bio)
  const [told, setTold] = useState('')
  const [error, setError] = useState<unknown>(null)
  const change = async (body: { display_name?: string; bio?: string; avatar_image_id?: string }) => {
    const params = { path: { user_id: profile.id }, header: { 'Idempotency-Key': newKey() } }
    try {
      const changed = await ask(api.PUT('/api/v1/users/{user_id}', { params, body }))
      set(changed)
      session.renamed(changed)
      setTold(t.saved)
      setError(null)
    } catch (failed) {
      setTold('')
      setError(failed)
    }
  }
  const picture = async (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0]
    if (!file) return
    try {
      await change({ avatar_image_id: (await upload(file, newKey())).id })
    } catch (failed) {
      setError(whyNot(failed, t))
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void change({ display_name: name.trim() || profile.username, bio })
  }
  return (
    <form className="form card" onSubmit={submit}>
      <p className="author">
        <Avatar url={profile.avatar_url} name={profile.display_name} /> {profile.username}
        <label className="button">
          {t.changePicture}
          <input type="file" className="hidden" accept="image/jpeg,image/png,image/webp,image/gif" onChange={picture} />
        </label>
      </p>
      <Field label={t.displayName} maxLength={100} value={name} onChange={(e) => setName(e.target.value)} />
      <div className="field">
        <label htmlFor="bio">{t.bio}</label>
        <textarea id="bio" rows={4} maxLength={2000} value={bio} onChange={(e) => setBio(e.target.value)} />
      </div>
      <p role="status">{told}</p>
      <Fault error={error} />
      <button type="submit" className="button primary">
        {t.save}
      </button>
    </form>
  )
}

function Used({ usage }: { usage: OwnProfile['usage'] }) {
  const t = useMessages()
  const size = useSizes()
  return (
    <section className="card" aria-labelledby="usage">
      <h2 id="usage">{t.usage}</h2>
      <p>{t.usageOf(usage.notebooks, size(usage.text_bytes), size(usage.picture_bytes))}</p>
    </section>
  )
}

function Looks() {
  const t = useMessages()
  const theme = useSyncExternalStore(chosenTheme.listen, chosenTheme.get)
  const language = useSyncExternalStore(chosenLanguage.listen, chosenLanguage.get)
  return (
    <div className="card row">
      <div className="field">
        <label htmlFor="theme">{t.appearance}</label>
        <select id="theme" value={theme} onChange={(e) => chosenTheme.set(e.target.value as Theme)}>
          {themes.map((each) => (
            <option key={each} value={each}>
              {t[each]}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor="language">{t.languageLabel}</label>
        <select id="language" value={language} onChange={(e) => chosenLanguage.set(e.target.value as Language)}>
          {Object.entries(languages).map(([each, { language: name }]) => (
            <option key={each} value={each} lang={each}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </div>
  )
}

function PasswordForm() {
  const t = useMessages()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [told, setTold] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    try {
      await ask(api.POST('/api/v1/auth/password', { body: { current_password: current, new_password: next } }))
      setTold(t.passwordChanged)
      setCurrent('')
      setNext('')
    } catch (error) {
      const status = error instanceof Failure ? error.status : 0
      setTold(status === 403 ? t.wrongPassword : status === 422 ? t.errorPassword : explain(error, t))
    }
  }
  return (
    <details className="card">
      <summary>{t.changePassword}</summary>
      <form className="form" onSubmit={submit}>
        <Field
          label={t.currentPassword}
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(e) => setCurrent(e.target.value)}
        />
        <Field
          label={t.newPassword}
          type="password"
          autoComplete="new-password"
          required
          hint={t.passwordHint}
          value={next}
          onChange={(e) => setNext(e.target.value)}
        />
        <p role="status">{told}</p>
        <button type="submit" className="button">
          {t.changePassword}
        </button>
      </form>
    </details>
  )
}
