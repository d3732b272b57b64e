//! Rings that come and go, and who can read then.

use async_trait::async_trait;
use proptest::prelude::*;

use super::*;

struct Named(KeyName);

#[async_trait]
impl KeyProvider for Named {
    fn name(&self) -> &KeyName {
        &self.0
    }

    async fn wrap(&self, _: &StackIdentity, plain: &SecretText) -> Result<String, KeyProviderError> {
        Ok(format!("{}\n{}", self.0.name, plain.reveal()))
    }

    async fn unwrap(&self, _: &StackIdentity, wrapped: &str) -> Result<SecretText, KeyProviderError> {
        let (name, text) = wrapped.split_once('\n').unwrap_or_default();
        if name == self.0.name {
            Ok(SecretText::new(text))
        } else {
            Err(KeyProviderError {
                reason: "it is another's".to_owned(),
            })
        }
    }
}

fn stack(name: &str) -> StackIdentity {
    StackIdentity {
        project: "shop".to_owned(),
        stack: name.to_owned(),
    }
}

fn keys(names: &[usize]) -> Arc<StackKeys> {
    let one = |name: &usize| Arc::new(Named(KeyName::new("test", name.to_string()))) as Arc<dyn KeyProvider>;
    StackKeys::new(stack("dev"), None, names.iter().map(one).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However keys come and go, whoever is in the newest ring opens everything, and whoever is not opens nothing
    /// that was sealed since.
    #[test]
    fn the_newest_ring_leads_to_every_data_key_for_those_in_it_alone(
        rotations in prop::collection::vec(prop::collection::btree_set(0_usize..4, 1..4), 1..6),
    ) {
        let mut sealed: Vec<(String, String)> = Vec::new();
        let mut rings: Vec<KeyRing> = Vec::new();
        let mut before: Vec<usize> = Vec::new();
        for (number, now) in rotations.iter().enumerate() {
            // Who rotates can open what there is, and names who shall.
            let mut names: Vec<usize> = now.iter().copied().collect();
            let rotating = keys(&[names.clone(), before.clone()].concat());
            if let Some(ring) = rings.last() {
                rotating.note(ring).unwrap();
            }
            let opened = rings.last().map(|ring| rotating.key(ring.current()));
            prop_assert!(opened.is_none_or(|opened| opened.is_ok()));
            let next = keys(&names);
            if let Some(ring) = rings.last() {
                next.note(ring).unwrap();
                let mut known = next.known();
                known.keys.clone_from(&rotating.known().keys);
            }
            rings.push(next.stage().unwrap());
            next.publish();
            let text = format!("secret {number}");
            sealed.push((Sealer::seal(&*next, text.as_bytes()).unwrap(), text));
            before = std::mem::take(&mut names);
        }
        let newest = rings.last().unwrap();
        prop_assert_eq!(newest.generation() as usize, rotations.len());
        for name in 0..4 {
            let reader = keys(&[name]);
            for ring in &rings {
                reader.note(ring).unwrap();
            }
            let last = rotations.iter().rposition(|names| names.contains(&name));
            for (number, (sealed, text)) in sealed.iter().enumerate() {
                let opened = Sealer::open(&*reader, sealed).ok().map(|plain| plain.to_vec());
                let expected = last.is_some_and(|last| number <= last).then(|| text.clone().into_bytes());
                prop_assert_eq!(opened, expected, "{} of {}", number, name);
            }
        }
    }
}

#[test]
fn a_ring_of_another_stack_or_line_is_of_no_use() {
    let ours = keys(&[1]);
    let ring = ours.stage().unwrap();
    let of_others = StackKeys::new(
        stack("prod"),
        None,
        vec![Arc::new(Named(KeyName::new("test", "1")))],
    );
    of_others.note(&ring).unwrap();
    let refused = of_others.key(ring.current()).unwrap_err().to_string();
    assert!(refused.contains("the data key is one of shop/dev"), "{refused}");

    let line = keys(&[1]);
    line.note(&ring).unwrap();
    let foreign = keys(&[1]).stage().unwrap();
    for generation in [1, 2, 9] {
        let foreign = KeyRing {
            generation,
            ..foreign.clone()
        };
        let refused = line.note(&foreign);
        assert!(
            matches!(refused, Err(StateError::KeysReplaced { .. })),
            "{refused:?}"
        );
    }
    let newer = KeyRing {
        ring: 2,
        ..ring.clone()
    };
    let refused = line.note(&newer).unwrap_err().to_string();
    assert!(refused.contains("use the newer version"), "{refused}");
    assert!(!line.note(&ring).unwrap(), "it is still the one that is known");
}

#[test]
fn nothing_shows_a_data_key() {
    let keys = keys(&[1]);
    let ring = keys.stage().unwrap();
    let key = keys.key(ring.current()).unwrap();
    let shown = format!("{keys:?}{key:?}{}", ring.current());
    for hidden in [STANDARD.encode(key.bytes()), hex::encode(key.bytes())] {
        assert!(!shown.contains(&hidden));
    }
}

#[tokio::test]
async fn a_data_key_is_made_and_opened_also_on_a_thread_of_a_runtime() {
    let made = keys(&[1]);
    let ring = made.stage().unwrap();
    let again = keys(&[1]);
    again.note(&ring).unwrap();
    assert_eq!(again.key(ring.current()).unwrap().name(), ring.current());
}
