//! `tadoru incident pack`: an evidence pack of an incident, written into a folder of its own.

use std::path::Path;
use std::process::ExitCode;

use tadoru_desk::settings::Language;
use tadoru_web::api::packs::{PackAnswer, PackRequest, Packed};

use crate::cli::{Global, Pack};
use crate::door::{CommandError, Door};
use crate::print::{self, Voice};

/// Makes a pack.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong, or the folder cannot be written.
pub async fn run(global: &Global, door: &Door, pack: Pack) -> Result<ExitCode, CommandError> {
    let Pack { id, recipient, to, own, neighbour_as, without_records, case, basis, facts, out } = pack;
    let voice = Voice::of(global)?;
    let folder = out.unwrap_or_else(|| format!("incident-{id}-{recipient}").into());
    if folder.exists() {
        return Err(failed(&folder, std::io::ErrorKind::AlreadyExists.into()));
    }
    let request = PackRequest {
        recipient,
        name: to,
        own,
        neighbour_as,
        without_records,
        case,
        basis,
        facts: facts.into_iter().collect(),
        attached: None,
    };
    let path = format!("/v1/incidents/{}/packs", super::query(&id));
    let answer: PackAnswer = door.post(&path, &request).await?;
    let refused = match &answer {
        PackAnswer::Packed(packed) => {
            write(&folder, packed)?;
            None
        }
        PackAnswer::Refused(refused) => Some(&refused.refusal),
    };
    match (&answer, refused) {
        _ if global.json => print::json(&answer),
        (_, Some(refusal)) => print::refusal(refusal, print::Facts::Stated, voice.lang),
        (PackAnswer::Packed(packed), _) => tell(&folder, packed, &voice),
        (PackAnswer::Refused(_), None) => {}
    }
    Ok(ExitCode::from(if refused.is_some() { 3 } else { 0 }))
}

fn tell(folder: &Path, packed: &Packed, voice: &Voice) {
    let mut table =
        print::table(voice.columns(&["文書", "種類", ">バイト"], &["document", "kind", ">octets"]));
    for document in &packed.documents {
        let octets = print::number(document.text.len() as u64);
        table.add_row([document.name.clone(), document.media_type.clone(), octets]);
    }
    print::show(&table);
    match (packed.records.map(print::number), voice.lang) {
        (None, _) => {}
        (Some(count), Language::Ja) => println!("フロー記録 {count} 件"),
        (Some(count), Language::En) => println!("{count} flow records"),
    }
    if packed.records == Some(0) {
        println!(
            "{}",
            voice.say(
                "注意：この包みは証拠となるフロー記録を一件も含まない。手紙はそのことを述べる",
                "warning: this pack holds no flow record as evidence; its letter says so"
            )
        );
    }
    let (folder, Packed { rule, journal_index, manifest, .. }) = (folder.display(), packed);
    match voice.lang {
        Language::Ja => println!(
            "{folder} に書いた。規則 {rule}、ジャーナル {journal_index} 番。何も送っていない。手渡しし、目録の要約値 \
             {manifest} を控えること"
        ),
        Language::En => println!(
            "written to {folder}, by {rule}; journal {journal_index}. Nothing was sent: hand it over, and keep the \
             manifest's sum {manifest}"
        ),
    }
}

/// Writes the documents; the names are ours, never a path.
fn write(folder: &Path, packed: &Packed) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    for document in &packed.documents {
        let is_name = document.name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        let file = folder.join(&document.name);
        if !is_name || document.name.starts_with('.') {
            return Err(failed(&file, std::io::ErrorKind::InvalidFilename.into()));
        }
        std::fs::write(&file, &document.text).map_err(|e| failed(&file, e))?;
    }
    Ok(())
}

fn failed(file: &Path, source: std::io::Error) -> CommandError {
    CommandError::File { doing: "write", file: file.to_owned(), source: Box::new(source) }
}
